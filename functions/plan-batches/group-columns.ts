import { InvalidUploadError } from '../shared/errors.ts';
import { columnNamed, listed, shortened } from './columns.ts';

/**
 * The columns by whose values rows are grouped: the one of that name, else the several that it names, separated by commas.
 * @param wanted the setting, null where rows are not grouped.
 * @throws InvalidUploadError: there is no such column, or it is the text.
 */
export function groupColumnsOf(wanted: string | null, columns: readonly string[], textColumn: string): readonly string[] | null {
  if (wanted === null) return null;
  const whole = columnNamed(wanted, columns);
  const names = whole === undefined ? wanted.split(',').map((name) => name.trim()) : [whole];
  const found = new Set<string>();
  const others = columns.filter((column) => column !== textColumn);
  for (const name of names) {
    const column = columnNamed(name, columns);
    if (column === undefined) throw refused(`There is no column "${shortened(name)}"`, others);
    if (column === textColumn) throw refused(`Column "${shortened(column)}" is the text that is summarized`, others);
    found.add(column);
  }
  return [...found];
}

const refused = (problem: string, others: readonly string[]) =>
  new InvalidUploadError(
    `${problem}; set groupColumn (--group-column) to one of the columns, or to several separated by commas: ${listed(others)}.`,
    { code: 'unknown_column' },
  );

/** What a row's values in the group columns are called together: blank ones are one group, `''`. */
export function groupKeyOf(values: readonly string[], isBlank: (value: string) => boolean): string {
  const written = values.map((value) => (isBlank(value) ? '' : value));
  if (written.every((value) => value === '')) return '';
  const [only, ...more] = written;
  return more.length === 0 ? (only as string) : JSON.stringify(written);
}
