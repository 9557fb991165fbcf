import Table from 'cli-table3';
import { count, counted, printable } from './figures.ts';
import { checkRun, statementOf } from './named-query.ts';
import { query } from './query.ts';
import { catalog, catalogText } from './query-catalog.ts';

const DEFAULT_WIDTH = 120;
const MIN_COLUMN_CHARACTERS = 8;
const MAX_COLUMN_CHARACTERS = 60;
/** A long text in a narrower column is one word below the other. */
const MIN_TEXT_CHARACTERS = 20;
/** Rows that anyone reads on a terminal; the layout holds all of them in memory. */
const MAX_SHOWN_ROWS = 10_000;

export interface QueryOptions {
  out: string;
  /** A shipped query, in place of SQL. */
  named?: string;
  /** The run that the shipped query shows. */
  run?: string;
  json?: true;
}

/**
 * `hundredfold query`: SQL or a shipped query over the local tables; without either, what there is to ask. @returns the exit code.
 * @throws ConfigError: wrong usage.
 */
export async function queryCommand(sql: string | undefined, options: QueryOptions): Promise<number> {
  const { out, json } = options;
  const statement = statementOf(sql, options);
  if (!statement) {
    process.stdout.write(json ? `${JSON.stringify(catalog)}\n` : catalogText(process.stdout.columns ?? DEFAULT_WIDTH));
    return 0;
  }
  let result: Awaited<ReturnType<typeof query>>;
  try {
    result = await query(out, statement.sql, statement.values);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 2;
  }
  const { columns, rows } = result;
  if (rows.length === 0 && options.run !== undefined) await checkRun(out, options.run);
  if (json) process.stdout.write(`${JSON.stringify(rows)}\n`);
  else {
    const shown = rows.length > MAX_SHOWN_ROWS ? `the first ${count(MAX_SHOWN_ROWS)} of ` : '';
    const hint = shown === '' ? '' : '; --json prints all';
    const text = tableText(columns, rows.slice(0, MAX_SHOWN_ROWS), process.stdout.columns ?? DEFAULT_WIDTH);
    process.stdout.write(`${text}\n${shown}${counted(rows.length, 'row')}${hint}\n`);
  }
  return 0;
}

const cellText = (value: unknown) =>
  value === null ? '' : printable(typeof value === 'object' ? JSON.stringify(value) : String(value)).replaceAll('\t', ' ');

/** Rows as a table that fits the width, long texts wrapped; where columns would be too narrow to read, one below the other. */
export function tableText(columns: readonly string[], rows: readonly Record<string, unknown>[], width: number): string {
  const space = width - columns.length - 1;
  if (columns.length * MIN_COLUMN_CHARACTERS > space) return recordsText(columns, rows);
  const cells = rows.map((row) => columns.map((name) => cellText(row[name])));
  const wanted = columns.map((name, index) => longest([name, ...cells.map((row) => row[index] ?? '')]) + 2);
  const widths = shrinkToFit(wanted, space);
  if (wanted.some((characters, index) => characters > MAX_COLUMN_CHARACTERS && widths[index]! < MIN_TEXT_CHARACTERS))
    return recordsText(columns, rows);
  const table = new Table({ head: [...columns], colWidths: widths, wordWrap: true, style: { head: [], border: [] } });
  for (const row of cells) table.push(row);
  return table.toString();
}

function recordsText(columns: readonly string[], rows: readonly Record<string, unknown>[]): string {
  const nameCharacters = longest(columns);
  const records = rows.map((row, index) =>
    [`row ${index + 1}`, ...columns.map((name) => `  ${name.padEnd(nameCharacters)}  ${cellText(row[name]).replace(/\s+/g, ' ')}`)].join(
      '\n',
    ),
  );
  return records.length > 0 ? records.join('\n') : columns.join(', ');
}

/** Characters of the longest line in any of the texts. */
const longest = (texts: readonly string[]) =>
  texts.reduce((most, text) => text.split('\n').reduce((length, line) => Math.max(length, line.length), most), 0);

/** Widths that sum up to the space there is: the widest give way first, none below a readable minimum. */
function shrinkToFit(wanted: readonly number[], space: number): number[] {
  const widths = wanted.map((width) => Math.min(width, MAX_COLUMN_CHARACTERS));
  for (let excess = widths.reduce((sum, width) => sum + width, 0) - space; excess > 0; excess--) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] ?? 0) <= MIN_COLUMN_CHARACTERS) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}
