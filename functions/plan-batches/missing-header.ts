import { InvalidUploadError } from '../shared/errors.ts';
import type { Settings } from '../shared/settings.ts';
import { isTextName } from './columns.ts';

/** What a value may be that no column is called; `true` and `NULL` too, but not `No`, which is short for number. */
const kinds: readonly (readonly [what: string, RegExp])[] = [
  ['numbers', /^[-+]?(?:\d[\d.,' ]*|\.\d+)%?$/],
  ['dates', /^(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})(?:[ T]\S.*)?$/],
  ['addresses', /^(?:[^\s@]+@[^\s@]+\.[^\s@]+|https?:\/\/\S+)$/i],
  ['identifiers', /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i],
  ['yes and no', /^(?:true|false)$/i],
];

/** Share of a column's values that must be of the same kind as its name. */
const AGREEMENT = 0.5;

/** Words of a name from which on it may as well be a text. */
const TEXT_WORDS = 3;

type ValuesOf = (column: string) => readonly string[];

/** The first column whose name is of the kind of its values, and what they are: `numbers`. */
function valueForName(names: readonly string[], valuesOf: ValuesOf): { name: string; kind: string } | undefined {
  for (const name of names) {
    const [kind, pattern] = kinds.find(([, shape]) => shape.test(name.trim())) ?? [];
    if (kind === undefined || pattern === undefined) continue;
    const values = valuesOf(name).filter((value) => value.trim() !== '');
    const alike = values.filter((value) => pattern.test(value.trim()));
    if (values.length > 0 && alike.length > values.length * AGREEMENT) return { name, kind };
  }
  return undefined;
}

/**
 * Refuses a CSV file whose first line is a row: it would be lost as a line of names. Only where no name, by setting or by itself, says otherwise.
 * @throws InvalidUploadError: a name of the first line must be a value, as its column holds values of that kind.
 */
export function requireHeader(
  fileName: string,
  names: readonly string[],
  valuesOf: ValuesOf,
  { textColumn }: Pick<Settings, 'textColumn'>,
): void {
  if (textColumn !== null) return;
  // Unless the name is one of the column's values, as in a column of kinds of texts.
  if (names.some((name) => isTextName(name) && !valuesOf(name).includes(name))) return;
  const value = valueForName(names, valuesOf);
  if (!value) return;
  throw new InvalidUploadError(
    `${fileName} seems to have no line of column names, for its first line has "${value.name}" in a column of ${value.kind}; write the names ` +
      'on the first line, or set textColumn (--text-column) to the place of the text (column_1, column_2 ...), or to its name if the line does hold names.',
    { code: 'no_header' },
  );
}

/** A sentence where the column that was chosen for its values has a name that may be one of them. */
export const headerNote = (names: readonly string[], textColumn: string): string[] =>
  isTextName(textColumn) || textColumn.trim().split(/\s+/).length < TEXT_WORDS
    ? []
    : [
        `The first line is read as the names of the columns; if it is a row, set textColumn (--text-column) to column_${names.indexOf(textColumn) + 1}.`,
      ];
