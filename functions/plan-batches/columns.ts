import { InvalidUploadError } from '../shared/errors.ts';
import type { Settings } from '../shared/settings.ts';
import type { Delimiter, Upload } from './upload.ts';

/** Names of a text column, the likeliest first. Case, spaces, `_` and `-` do not count. */
const textNames = [
  'review',
  'review text',
  'text',
  'body',
  'comment',
  'comments',
  'feedback',
  'message',
  'content',
  'description',
  'answer',
  'verbatim',
];
const idNames = ['id', 'review id'];
const lastWordOfId = new Set(['id', 'uuid', 'key']);

/** A column reads like prose when its typical value is at least this long. */
const PROSE_CHARACTERS = 20;
const PROSE_WORDS = 4;

/** Columns that a message lists, and characters of each name. */
const LISTED_COLUMNS = 50;
const LISTED_CHARACTERS = 60;

export interface ColumnChoice {
  textColumn: string;
  /** null: no column holds an id. */
  idColumn: string | null;
  /** Sentences on what was guessed. */
  notes: string[];
}

/** What was chosen on another part file of the same upload. */
export interface DecidedColumns extends Pick<ColumnChoice, 'textColumn' | 'idColumn'> {
  /** null: rows are not grouped. */
  groupColumns: readonly string[] | null;
  /** How CSV parts are read. */
  csv: { delimiter: Delimiter | null; isHeaderless: boolean; names: readonly string[] };
}

/** A name as it is compared: case, spaces, `_` and `-` do not count. */
export const comparable = (name: string) => name.toLowerCase().replace(/[\s_-]+/g, '');

/** The last word of a name, in lower case; words are set apart by spaces, `_`, `-` or a capital after a small letter. */
const lastWord = (name: string) =>
  name
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .split(/[\s_-]+/)
    .filter((word) => word !== '')
    .at(-1);

/** Columns as a message names them. */
export function listed(columns: readonly string[]): string {
  if (columns.length === 0) return 'there is none';
  const names = columns.slice(0, LISTED_COLUMNS).map((name) => `"${name.slice(0, LISTED_CHARACTERS)}"`);
  const more = columns.length - names.length;
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function byName(columns: readonly string[], names: readonly string[]): string | undefined {
  for (const name of names) {
    const found = columns.find((column) => comparable(column) === comparable(name));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether a column has one of the names of a text column. */
export const isTextName = (column: string): boolean => byName([column], textNames) !== undefined;

/** The column of that name, else the one whose name differs in case, spaces, `_` and `-` alone. */
export const columnNamed = (wanted: string, columns: readonly string[]): string | undefined =>
  columns.includes(wanted) ? wanted : byName(columns, [wanted]);

/** A name as a message quotes it. */
export const shortened = (name: string) => name.slice(0, LISTED_CHARACTERS);

/** @throws InvalidUploadError: there is no such column. */
function namedBySetting(setting: 'textColumn' | 'idColumn', wanted: string, columns: readonly string[]): string {
  const found = columnNamed(wanted, columns);
  if (found !== undefined) return found;
  const flag = setting === 'textColumn' ? '--text-column' : '--id-column';
  throw new InvalidUploadError(
    `There is no column "${wanted.slice(0, LISTED_CHARACTERS)}"; set ${setting} (${flag}) to one of the columns: ${listed(columns)}.`,
    { code: 'unknown_column' },
  );
}

const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)] ?? 0;

/** A letter of a script that sets no words apart. */
const lettersAlone = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}]/gu;
/** `Mon Jan 05 2026 10:00:00 GMT+0100 (Central European Standard Time)`, as JavaScript writes it. */
const longDate = /^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? .*\d\d:\d\d/i;

/** Number of words: what has a letter in it, between white space. */
function wordsOf(text: string): number {
  if (longDate.test(text)) return 0;
  const words = text.split(/\s+/).filter((piece) => /\p{L}/u.test(piece));
  return Math.max(words.length, text.match(lettersAlone)?.length ?? 0);
}

/**
 * Whether values read like prose. Over those that are not empty: the median length is PROSE_CHARACTERS or more, the median
 * number of words PROSE_WORDS or more, and more than half of them are distinct.
 */
function isProse(values: readonly string[]): boolean {
  const texts = values.map((value) => value.trim()).filter((text) => text !== '');
  return (
    median(texts.map((text) => text.length)) >= PROSE_CHARACTERS &&
    median(texts.map(wordsOf)) >= PROSE_WORDS &&
    new Set(texts).size * 2 > texts.length
  );
}

/** Whether all values are objects or lists, as JSON has them. */
function isStructured(values: readonly string[]): boolean {
  const written = values.filter((value) => value !== '');
  return written.length > 0 && written.every((value) => /^(?:\{.*\}|\[.*\])$/s.test(value));
}

/** Whether values can tell records apart: none is empty, no two are equal. */
const isKey = (values: readonly string[]) => values.every((value) => value.trim() !== '') && new Set(values).size === values.length;

function chooseText(columns: readonly string[], valuesOf: (column: string) => readonly string[]): { textColumn: string; notes: string[] } {
  // A list of comments and the like is the text only where no other column may be.
  const plain = columns.filter((column) => !isStructured(valuesOf(column)));
  const named = byName(plain, textNames) ?? byName(columns, textNames);
  if (named !== undefined) return { textColumn: named, notes: [] };
  const [prose, ...more] = columns.filter((column) => isProse(valuesOf(column)));
  if (prose !== undefined && more.length === 0) {
    return {
      textColumn: prose,
      notes: [`No column has the name of a text column; "${prose}" is taken, the only one that reads like prose.`],
    };
  }
  throw new InvalidUploadError(
    `${prose === undefined ? 'No column looks like' : 'More than one column looks like'} the text to summarize; ` +
      `set textColumn (--text-column) to one of the columns: ${listed(columns)}.`,
    { code: 'no_text_column' },
  );
}

function chooseId(columns: readonly string[], valuesOf: (column: string) => readonly string[]): string | null {
  const rank = (column: string) => {
    const known = idNames.findIndex((name) => comparable(name) === comparable(column));
    return known === -1 ? idNames.length : known;
  };
  const candidates = columns.filter((column) => rank(column) < idNames.length || lastWordOfId.has(lastWord(column) ?? ''));
  return candidates.toSorted((a, b) => rank(a) - rank(b)).find((column) => isKey(valuesOf(column))) ?? null;
}

/**
 * The columns that hold text and id.
 * @param valuesOf a column's values in the sample, one for each record.
 * @throws InvalidUploadError: a setting names a column that is not there, or no column is plainly the text.
 */
export function chooseColumns(
  columns: readonly string[],
  valuesOf: (column: string) => readonly string[],
  settings: Pick<Settings, 'textColumn' | 'idColumn'>,
): ColumnChoice {
  const wantedId = settings.idColumn === null ? null : namedBySetting('idColumn', settings.idColumn, columns);
  const { textColumn, notes } =
    settings.textColumn === null
      ? chooseText(
          columns.filter((column) => column !== wantedId),
          valuesOf,
        )
      : { textColumn: namedBySetting('textColumn', settings.textColumn, columns), notes: [] };
  const others = columns.filter((column) => column !== textColumn);
  return { textColumn, idColumn: wantedId ?? chooseId(others, valuesOf), notes };
}

/**
 * The columns that were decided on another part file, for a file that must have them, too.
 * @throws InvalidUploadError: the file has no such column.
 */
export function requireColumns(
  fileName: string,
  { header, format }: { header: readonly string[] | null; format: Upload['format'] },
  { textColumn, idColumn, groupColumns, csv }: DecidedColumns,
  constants: Readonly<Record<string, unknown>>,
): ColumnChoice {
  for (const column of [textColumn, idColumn, ...(groupColumns ?? [])]) {
    // Without a header every record brings its own columns.
    if (header === null || column === null || header.includes(column)) continue;
    if (groupColumns?.includes(column) && Object.hasOwn(constants, column)) continue;
    const place = Math.max(1, csv.names.indexOf(textColumn) + 1);
    const remedy =
      format === 'csv'
        ? `write the column names on the first line of every part file, or of none and set textColumn (--text-column) to column_${place}. Its first line holds`
        : 'write the same columns to every part file. Its columns are';
    throw new InvalidUploadError(
      `${fileName} has no column "${column.slice(0, LISTED_CHARACTERS)}", which the part files before it have; ${remedy}: ${listed(header)}.`,
      { code: 'missing_column' },
    );
  }
  return { textColumn, idColumn, notes: [] };
}

/** Why a column was taken. `looks`: no name fits, and it is the only one that reads like prose. */
export type ColumnReason = 'setting' | 'name' | 'looks';

export const reasonOfText = (textColumn: string, settings: Pick<Settings, 'textColumn'>): ColumnReason => {
  if (settings.textColumn !== null) return 'setting';
  return byName([textColumn], textNames) === undefined ? 'looks' : 'name';
};

export const reasonOfId = (idColumn: string | null, settings: Pick<Settings, 'idColumn'>): ColumnReason | null => {
  if (idColumn === null) return null;
  return settings.idColumn === null ? 'name' : 'setting';
};
