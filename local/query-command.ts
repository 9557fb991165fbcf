import Table from 'cli-table3';
import { counted } from './figures.ts';
import { query } from './query.ts';

const MIN_COLUMN_CHARACTERS = 8;
const MAX_COLUMN_CHARACTERS = 60;

/** `hundredfold query`: SQL over the local tables. @returns the exit code. */
export async function queryCommand(sql: string, { out, json }: { out: string; json?: true }): Promise<number> {
  let result: Awaited<ReturnType<typeof query>>;
  try {
    result = await query(out, sql);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 2;
  }
  const { columns, rows } = result;
  if (json) process.stdout.write(`${JSON.stringify(rows)}\n`);
  else process.stdout.write(`${tableText(columns, rows, process.stdout.columns ?? 120)}\n${counted(rows.length, 'row')}\n`);
  return 0;
}

const cellText = (value: unknown) => (value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value));

/** Rows as a table that fits the width; long texts wrap. */
function tableText(columns: readonly string[], rows: readonly Record<string, unknown>[], width: number): string {
  const cells = rows.map((row) => columns.map((name) => cellText(row[name])));
  const wanted = columns.map((name, index) => Math.max(name.length, ...cells.map((row) => longestLine(row[index] ?? ''))) + 2);
  const table = new Table({
    head: [...columns],
    colWidths: shrinkToFit(wanted, width - columns.length - 1),
    wordWrap: true,
    style: { head: [], border: [] },
  });
  table.push(...cells);
  return table.toString();
}

const longestLine = (text: string) => Math.max(...text.split('\n').map((line) => line.length));

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
