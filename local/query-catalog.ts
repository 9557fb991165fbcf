import { datePartition, tables } from '../functions/shared/tables.ts';
import { namedQueries } from '../infra/queries.ts';

const INDENT = '      ';

/** What there is to ask, for programs. */
export const catalog = {
  tables: Object.values(tables).map(({ name, comment, columns }) => ({
    name,
    comment,
    columns: [...columns, datePartition],
  })),
  queries: namedQueries.map(({ name, description, takesRun }) => ({ name, description, takes_run: takesRun })),
};

/** What there is to ask, for people: tables with their columns, and the shipped queries. */
export function catalogText(width: number): string {
  const tableLines = catalog.tables.flatMap(({ name, comment, columns }) => [
    `  ${name}`,
    ...wrapped(comment, width),
    ...wrapped(columns.map((column) => column.name).join(', '), width),
  ]);
  const queryLines = namedQueries.flatMap(({ name, description, takesRun }) => [
    `  ${name}${takesRun ? ' [--run RUN]' : ''}`,
    ...wrapped(description, width),
  ]);
  return [
    'Tables:',
    ...tableLines,
    '',
    'Queries, for --named; those with --run show one run, the newest where it is left out:',
    ...queryLines,
    '',
    'Ask: hundredfold query "SQL", or hundredfold query --named NAME [--run RUN]',
    '',
  ].join('\n');
}

/** Indented lines of whole words that fit the width. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = INDENT;
  for (const word of text.split(' ')) {
    const longer = line === INDENT ? `${INDENT}${word}` : `${line} ${word}`;
    if (longer.length > width && line !== INDENT) {
      lines.push(line);
      line = `${INDENT}${word}`;
    } else line = longer;
  }
  return [...lines, line];
}
