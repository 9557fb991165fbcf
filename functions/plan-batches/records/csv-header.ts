import type { RejectionReason } from '../../shared/contract.ts';
import { InvalidUploadError } from '../../shared/errors.ts';
import type { Delimiter, Position } from '../upload.ts';
import { refuseEmpty, type UploadHead } from '../upload-head.ts';
import { CsvSplitter, type Values } from './csv-fields.ts';
import { csvFraming } from './csv-framing.ts';
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
  /** Share of the first records that have as many fields as the header. */
  agreement: number;
  /** How many those are. */
  records: number;
}

/** Share of records that must agree before a file that is called text is taken for a table. */
const TABLE_AGREEMENT = 0.9;

const isRejected = (header: Values | RejectionReason | undefined): header is RejectionReason => typeof header === 'string';

/** The head of a file as one delimiter makes it look. */
function readHead(head: UploadHead, delimiter: Delimiter): HeadReading {
  const framing = csvFraming(delimiter, head.lineBreak);
  const { bytes, frames } = frameStretch({ bytes: head.bytes, startByte: 0, isLast: head.isWhole }, head.start, framing);
  const [header, ...records] = new CsvSplitter(delimiter, head.lineBreak).split({ bytes, frames: frames.slice(0, DELIMITER_RECORDS + 1) });
  const agreeing = records.filter((record) => typeof record !== 'string' && record.length === header?.length);
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
export function isTable(head: UploadHead, isTextName: (column: string) => boolean): boolean {
  const { delimiter, header, agreement, records } = bestReading(head);
  if (header === undefined || isRejected(header) || header.length < 2 || records === 0 || agreement < TABLE_AGREEMENT) return false;
  return delimiter === '\t' || delimiter === '|' || header.some(isTextName);
}

export interface CsvHeader {
  delimiter: Delimiter;
  /** Column names, unique. */
  names: string[];
  /** Position after the header. */
  start: Position;
}

/**
 * The header of a CSV file, and the delimiter: the one that is wanted, else as the first records show it.
 * @throws InvalidUploadError: the header cannot be read.
 */
export function readCsvHeader(head: UploadHead, wanted: Delimiter | null): CsvHeader {
  const { delimiter, header, start } = wanted ? readHead(head, wanted) : bestReading(head);
  if (header === undefined) refuseEmpty(head.fileName);
  if (isRejected(header)) {
    throw new InvalidUploadError(
      `${head.fileName} has no header that can be read (${header}); write the column names on its first line, separated by commas.`,
      { code: 'unreadable_header' },
    );
  }
  return { delimiter, names: uniqueNames(header), start };
}
