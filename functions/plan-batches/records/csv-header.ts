import type { RejectionReason } from '../../shared/contract.ts';
import { InvalidUploadError } from '../../shared/errors.ts';
import { comparable } from '../columns.ts';
import type { Delimiter, Position } from '../upload.ts';
import { refuseEmpty, type UploadHead } from '../upload-head.ts';
import { hasBackslashes } from './csv-escapes.ts';
import { CsvSplitter, type Values } from './csv-fields.ts';
import { csvFraming } from './csv-framing.ts';
import { csvOpening } from './csv-opening.ts';
import { refuseTitleLines } from './csv-title-lines.ts';
import { frameStretch } from './record-frames.ts';

const delimiters: readonly Delimiter[] = [',', ';', '\t', '|'];
/** Records on which the delimiter is decided. */
const DELIMITER_RECORDS = 100;
/** Share of those records that must have as many fields as the header, for a delimiter other than the comma. */
const DELIMITER_AGREEMENT = 0.5;

/** Header names made usable: `column_N` (1-based) for an unnamed one, `name_2` for the second of a name. */
export function uniqueNames(header: Values): string[] {
  const taken = new Set(header);
  const seen = new Set<string>();
  return header.map((written, index) => {
    const name = written.trim() === '' ? `column_${index + 1}` : written;
    let unique = name;
    for (let count = 2; seen.has(unique) || (unique !== written && taken.has(unique)); count += 1) unique = `${name}_${count}`;
    seen.add(unique);
    return unique;
  });
}

interface HeadReading {
  delimiter: Delimiter;
  header: Values | RejectionReason | undefined;
  start: Position;
  /** Share of the first records that have as many fields as the header; what cannot be read (an unclosed quote) says nothing. */
  agreement: number;
  /** How many those are that can be read. */
  records: number;
}

/** Share of records that must agree before a file that is called text is taken for a table. */
const TABLE_AGREEMENT = 0.9;

const isRejected = (header: Values | RejectionReason | undefined): header is RejectionReason => typeof header === 'string';

/** The head of a file as one delimiter makes it look. */
function readHead(head: UploadHead, delimiter: Delimiter): HeadReading {
  const framing = csvFraming(delimiter, head.lineBreak);
  const { bytes, frames } = frameStretch({ bytes: head.bytes, startByte: 0, isLast: head.isWhole }, head.start, framing);
  const [header, ...all] = new CsvSplitter(delimiter, head.lineBreak).split({ bytes, frames: frames.slice(0, DELIMITER_RECORDS + 1) });
  const records = all.filter((record) => !isRejected(record));
  const agreeing = records.filter((record) => record.length === header?.length);
  const next = frames[0]?.next ?? head.start;
  return {
    delimiter,
    header,
    start: { byte: next.byte, line: next.line, rowNumber: 0 },
    agreement: records.length === 0 ? 1 : agreeing.length / records.length,
    records: records.length,
  };
}

/** The reading under which the records agree best with the header; on a tie the one with more columns, then the comma. */
function bestReading(head: UploadHead): HeadReading {
  const [comma, ...others] = delimiters.map((delimiter) => readHead(head, delimiter)) as [HeadReading, ...HeadReading[]];
  const columns = ({ header }: HeadReading) => (header === undefined || isRejected(header) ? 0 : header.length);
  const score = (reading: HeadReading) => (columns(reading) > 1 ? reading.agreement : 0);
  const candidates = others.filter((reading) => score(reading) > DELIMITER_AGREEMENT);
  return candidates.reduce((best, reading) => {
    const gain = score(reading) - score(best) || columns(reading) - columns(best);
    return gain > 0 ? reading : best;
  }, comma);
}

/**
 * Whether the head of a file that is called text is a table all the same: nearly all lines have as many fields as the first, two or more,
 * and either tabs or vertical bars separate them, which prose does not have, or `isTextName` knows one of the columns.
 */
export function isTable(named: UploadHead, isTextName: (column: string) => boolean): boolean {
  const { head, separator } = csvOpening(named);
  if (separator !== null) return true;
  const { delimiter, header, agreement, records } = bestReading(head);
  if (header === undefined || isRejected(header) || header.length < 2 || records === 0 || agreement < TABLE_AGREEMENT) return false;
  return delimiter === '\t' || delimiter === '|' || header.some(isTextName);
}

export interface CsvHeader {
  delimiter: Delimiter;
  lineBreak: UploadHead['lineBreak'];
  /** Whether a quote within quotes has a backslash before it. */
  isBackslashed: boolean;
  /** Column names, unique; `column_1` and so on where the file has none. */
  names: readonly string[];
  /** Whether the first line is a row. */
  isHeaderless: boolean;
  /** Position of the first row. */
  start: Position;
  /** Sentences on what was guessed. */
  notes: readonly string[];
}

/** What is known beforehand of a CSV file. */
export interface CsvWishes {
  /** null: to be found. */
  delimiter: Delimiter | null;
  /** Columns that a setting names. */
  columns: readonly string[];
  /** Of a later part file of a folder: how the first was read. */
  first: (Pick<CsvHeader, 'isHeaderless' | 'names'> & { delimiter: Delimiter | null; columns: readonly string[] }) | null;
}

const separators: Record<Delimiter, string> = { ',': 'commas', ';': 'semicolons', '\t': 'tabs', '|': 'vertical bars' };
export const separatorName = (delimiter: Delimiter): string => separators[delimiter];

/** Whether a column is named by its place in a file whose first line does not have that name: `column_2`. */
function isPlace(column: string, header: readonly string[]): boolean {
  const place = Number(/^column[\s_-]*(\d+)$/i.exec(column)?.[1] ?? 0);
  return (header[place - 1] ?? '').trim() !== '' && !header.some((name) => comparable(name) === comparable(column));
}

/** The delimiter that a `sep=` line names. @throws InvalidUploadError: it is none that is read. */
function namedDelimiter(fileName: string, separator: string | null): Delimiter | null {
  const delimiter = delimiters.find((known) => known === separator);
  if (delimiter !== undefined || separator === null) return delimiter ?? null;
  throw new InvalidUploadError(
    `${fileName} says sep=${separator} on its first line; separate the fields by commas, semicolons, tabs or vertical bars.`,
    { code: 'unknown_delimiter' },
  );
}

/** The head under the delimiter of the part files before this one, where it shows the same columns; else undefined. */
function readingLikeFirst(head: UploadHead, { first }: CsvWishes): HeadReading | undefined {
  if (!first?.delimiter) return undefined;
  const reading = readHead(head, first.delimiter);
  const { header } = reading;
  const hasColumns = header !== undefined && !isRejected(header) && first.columns.every((column) => header.includes(column));
  return hasColumns || first.isHeaderless ? reading : undefined;
}

/**
 * The header of a CSV file, and the delimiter: the one that is wanted or that a `sep=` line names, else as the first records show it.
 * A file has no header where a setting names a column by its place, or where the part files before it have none.
 * @throws InvalidUploadError: the header cannot be read.
 */
export function readCsvHeader(named: UploadHead, wishes: CsvWishes): CsvHeader {
  const { head, separator } = csvOpening(named);
  const wanted = wishes.delimiter ?? namedDelimiter(head.fileName, separator);
  const { delimiter, header, start } = wanted ? readHead(head, wanted) : (readingLikeFirst(head, wishes) ?? bestReading(head));
  const isBackslashed = hasBackslashes(head, delimiter.charCodeAt(0));
  const common = {
    ...{ delimiter, isBackslashed, lineBreak: head.lineBreak },
    notes: [
      ...(delimiter === ',' || wanted ? [] : [`The fields are taken to be separated by ${separatorName(delimiter)}.`]),
      ...(isBackslashed ? ['Quotes within quotes are taken to be written with a backslash before them.'] : []),
    ],
  };
  if (header === undefined) refuseEmpty(head.fileName);
  if (wishes.first?.isHeaderless) return { ...common, names: wishes.first.names, isHeaderless: true, start: head.start };
  if (isRejected(header)) {
    throw new InvalidUploadError(
      `${head.fileName} has no header that can be read (${header}); write the column names on its first line, separated by commas.`,
      { code: 'unreadable_header' },
    );
  }
  if (!wishes.first && wishes.columns.some((column) => isPlace(column, header))) {
    const names = header.map((_, index) => `column_${index + 1}`);
    const note = `The first line is read as a row, for a setting names a column by its place; the columns are called column_1 to column_${names.length}.`;
    return { ...common, names, isHeaderless: true, start: head.start, notes: [...common.notes, note] };
  }
  if (!wishes.first && wishes.columns.length === 0) refuseTitleLines(head, header);
  return { ...common, names: uniqueNames(header), isHeaderless: false, start };
}
