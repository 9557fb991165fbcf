import { printable } from './figures.ts';
import { folded, widthOf } from './terminal-text.ts';

const MIN_COLUMN_CHARACTERS = 8;
const MAX_COLUMN_CHARACTERS = 60;
/** A long text in a narrower column is one word below the other. */
const MIN_TEXT_CHARACTERS = 20;
/** Spaces around what stands in a column. */
const PADDING = 2;

export interface ShownColumn {
  name: string;
  /** Numbers stand at the right. */
  isNumber?: boolean;
}

/** Rows as a table that fits the width, long texts wrapped; where columns would be too narrow to read, one below the other. */
export function tableText(columns: readonly string[], rows: readonly Record<string, unknown>[], width: number): string {
  const values = rows.map((row) => columns.map((name) => row[name]));
  return valuesText(
    columns.map((name) => ({ name })),
    values,
    width,
  );
}

/**
 * The same of rows whose values stand in the columns' order.
 * @param nullText what stands where there is no value. @default nothing
 */
export function valuesText(
  columns: readonly ShownColumn[],
  rows: readonly (readonly unknown[])[],
  width: number,
  { nullText = '' } = {},
): string {
  const names = columns.map(({ name }) => printable(name).replace(/[\n\t]/g, ' '));
  const cells = rows.map((row) => names.map((_, index) => cellText(row[index], nullText)));
  // Borders: one before each column, one after the last.
  const space = width - columns.length - 1;
  if (columns.length * MIN_COLUMN_CHARACTERS > space) return recordsText(names, cells, width);
  const wanted = names.map(
    (name, index) => cells.reduce((most, row) => Math.max(most, longest(row[index] ?? '')), widthOf(name)) + PADDING,
  );
  const widths = shrinkToFit(wanted, space);
  if (wanted.some((characters, index) => characters > MAX_COLUMN_CHARACTERS && (widths[index] ?? 0) < MIN_TEXT_CHARACTERS))
    return recordsText(names, cells, width);
  const fitted = [names, ...cells].map((row) => row.map((text, index) => folded(text, (widths[index] ?? 0) - PADDING)));
  return gridText(fitted, (index) => columns[index]?.isNumber === true);
}

/** Cells of lines in a grid, each column as wide as its widest line. A library for it measures every line so often that 10,000 rows take a minute. */
function gridText(rows: readonly (readonly (readonly string[])[])[], isAtRight: (index: number) => boolean): string {
  const widths = (rows[0] ?? []).map((_, index) => rows.reduce((most, row) => Math.max(most, widest(row[index] ?? [])), 0));
  const rule = (left: string, between: string, right: string) =>
    `${left}${widths.map((width) => '─'.repeat(width + PADDING)).join(between)}${right}`;
  const cell = (text: string, index: number) => {
    const gap = ' '.repeat((widths[index] ?? 0) - widthOf(text));
    return isAtRight(index) ? ` ${gap}${text} ` : ` ${text}${gap} `;
  };
  const rowText = (row: readonly (readonly string[])[]) =>
    Array.from(
      { length: Math.max(...row.map((lines) => lines.length)) },
      (_, line) => `│${row.map((lines, index) => cell(lines[line] ?? '', index)).join('│')}│`,
    ).join('\n');
  return [rule('┌', '┬', '┐'), rows.map(rowText).join(`\n${rule('├', '┼', '┤')}\n`), rule('└', '┴', '┘')].join('\n');
}

const cellText = (value: unknown, nullText: string) =>
  value === null || value === undefined
    ? nullText
    : printable(typeof value === 'object' ? JSON.stringify(value) : String(value)).replaceAll('\t', ' ');

/** Each row below the one before it, a column a line; values stand below their names where there is no room beside them. */
function recordsText(names: readonly string[], rows: readonly (readonly string[])[], width: number): string {
  if (rows.length === 0) return names.join(', ');
  const nameWidth = Math.max(...names.map(widthOf));
  const beside = width - nameWidth - 4;
  const isBeside = beside >= MIN_TEXT_CHARACTERS;
  const indent = ' '.repeat(isBeside ? nameWidth + 4 : 4);
  const valueWidth = isBeside ? beside : Math.max(width - indent.length, MIN_COLUMN_CHARACTERS);
  const fieldLines = (name: string, text: string) => {
    const lines = folded(text.replace(/\s+/g, ' '), valueWidth);
    if (!isBeside) return [`  ${name}`, ...lines.map((line) => `${indent}${line}`)];
    return lines.map((line, index) => (index === 0 ? `  ${name}${' '.repeat(nameWidth - widthOf(name))}  ${line}` : `${indent}${line}`));
  };
  return rows.flatMap((row, index) => [`row ${index + 1}`, ...names.flatMap((name, at) => fieldLines(name, row[at] ?? ''))]).join('\n');
}

/** Places of the longest line of a text. */
const longest = (text: string) => widest(text.split('\n'));
const widest = (lines: readonly string[]) => lines.reduce((most, line) => Math.max(most, widthOf(line)), 0);

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
