import { isUtf8 } from 'node:buffer';
import { parse } from 'csv-parse/sync';
import type { RejectionReason } from '../../shared/contract.ts';
import { InvalidUploadError } from '../../shared/errors.ts';
import type { Position } from '../upload.ts';
import { refuseEmpty, type UploadHead } from '../upload-head.ts';
import type { Fields, RecordFormat, UploadRecord, UploadSource } from './record-format.ts';
import { setOwn } from './record-format.ts';
import { CARRIAGE_RETURN, type FrameBlock, type Framing, frameBlocks, frameStretch, LINE_FEED, rawText } from './record-frames.ts';

/**
 * RFC 4180, read forgivingly:
 * - A quote opens a field only at its start; elsewhere it is text (`5'8" tall`).
 * - Text after a closing quote, on the line on which the field opened: the field was not quoted after all and is taken as written,
 *   quotes included. Across a line break the opening quote was never closed, and what lies between may be good records: the record
 *   that opened it is rejected as `unclosed_quote` and reading goes on with the line after its first one. The same at the end of the
 *   file and after MAX_RECORD_BYTES.
 * - Lines of nothing but spaces and tabs are no records.
 *
 * Where records start and end is found by a scan over the bytes, which makes offsets, lines and recovery exact; what lies within them is csv-parse's.
 */

const QUOTE = 34;
const delimiters = [',', ';', '\t', '|'] as const;
type Delimiter = (typeof delimiters)[number];
const delimiterNames: Record<Delimiter, string> = { ',': 'commas', ';': 'semicolons', '\t': 'tabs', '|': 'vertical bars' };

/** Records on which the delimiter is decided. */
const DELIMITER_RECORDS = 100;
/** Share of those records that must have as many fields as the header, for a delimiter other than the comma. */
const DELIMITER_AGREEMENT = 0.5;

export function csvFraming(delimiter: Delimiter, lineBreak: Framing['lineBreak']): Framing {
  const delimiterByte = delimiter.charCodeAt(0);
  /** Whether a field may end before `at`. */
  const isFieldEnd = (bytes: Buffer, at: number): boolean => {
    const byte = bytes[at];
    if (byte === delimiterByte || byte === lineBreak || byte === undefined) return true;
    if (byte !== CARRIAGE_RETURN) return false;
    return bytes[at + 1] === LINE_FEED || bytes[at + 1] === undefined;
  };
  return {
    lineBreak,
    delimiter: delimiterByte,
    endOf(bytes, start, limit) {
      let isFieldStart = true;
      let at = start;
      while (at < limit) {
        const byte = bytes[at];
        if (byte === QUOTE && isFieldStart) {
          let hasLineBreak = false;
          for (at += 1; ; at += 1) {
            if (at >= limit) return 'unclosed_quote';
            const quoted = bytes[at];
            if (quoted === lineBreak) hasLineBreak = true;
            else if (quoted === QUOTE) {
              if (bytes[at + 1] !== QUOTE) break;
              at += 1;
            }
          }
          if (hasLineBreak && !isFieldEnd(bytes, at + 1)) return 'unclosed_quote';
          isFieldStart = false;
        } else if (byte === lineBreak) {
          return at;
        } else {
          isFieldStart = byte === delimiterByte;
        }
        at += 1;
      }
      return at >= bytes.length || bytes[at] === lineBreak ? at : 'record_too_long';
    },
  };
}

type Values = readonly string[];

/** Splits the records of blocks into their fields. */
class CsvSplitter {
  readonly #options: object;
  readonly #lineBreak: number;
  #scratch = Buffer.alloc(0);

  constructor(delimiter: Delimiter, lineBreak: number) {
    this.#lineBreak = lineBreak;
    this.#options = { delimiter, record_delimiter: String.fromCharCode(lineBreak), relax_quotes: true, relax_column_count: true };
  }

  /** For every frame its values, or why it has none. */
  split({ bytes, frames }: FrameBlock): (Values | RejectionReason)[] {
    const first = frames[0];
    const last = frames.at(-1);
    if (!first || !last) return [];
    const isAllUtf8 = isUtf8(bytes.subarray(first.start, last.end));
    const reasons = frames.map(({ start, end, rejection }): RejectionReason | null => {
      if (rejection) return rejection.reason;
      return isAllUtf8 || isUtf8(bytes.subarray(start, end)) ? null : 'undecodable_bytes';
    });
    // csv-parse sees the good records only, each with one line break: one call for the block, one array back for each record.
    const capacity = last.end - first.start + 1;
    if (this.#scratch.length < capacity) this.#scratch = Buffer.allocUnsafe(capacity);
    const text = this.#scratch;
    let length = 0;
    frames.forEach(({ start, end }, index) => {
      if (reasons[index] !== null) return;
      length += bytes.copy(text, length, start, end);
      text[length] = this.#lineBreak;
      length += 1;
    });
    const records = parse(text.subarray(0, length), this.#options) as string[][];
    let taken = 0;
    const split = reasons.map((reason) => reason ?? (records[taken++] as Values));
    if (taken !== records.length) throw new Error(`csv-parse found ${records.length} records where there are ${taken}`);
    return split;
  }
}

class CsvFields implements Fields {
  readonly #columns: ReadonlyMap<string, number>;
  readonly #values: Values;

  constructor(columns: ReadonlyMap<string, number>, values: Values) {
    this.#columns = columns;
    this.#values = values;
  }

  names(): readonly string[] {
    return [...this.#columns.keys()];
  }

  text(column: string): string {
    return this.#values[this.#columns.get(column) ?? -1] ?? '';
  }

  except(columns: ReadonlySet<string>): Record<string, unknown> {
    const rest: Record<string, unknown> = {};
    for (const [name, index] of this.#columns) if (!columns.has(name)) setOwn(rest, name, this.#values[index]);
    return rest;
  }
}

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
}

/** The head of the file as one delimiter makes it look. */
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
  };
}

/** The reading under which the records agree best with the header; on a tie the one with more columns, then the comma. */
function bestReading(head: UploadHead): HeadReading {
  const [comma, ...others] = delimiters.map((delimiter) => readHead(head, delimiter)) as [HeadReading, ...HeadReading[]];
  const columns = ({ header }: HeadReading) => (Array.isArray(header) ? header.length : 0);
  const score = (reading: HeadReading) => (columns(reading) > 1 ? reading.agreement : 0);
  const candidates = others.filter((reading) => score(reading) > DELIMITER_AGREEMENT);
  return candidates.reduce((best, reading) => {
    const gain = score(reading) - score(best) || columns(reading) - columns(best);
    return gain > 0 ? reading : best;
  }, comma);
}

/**
 * The CSV reader for a file; the delimiter is found on its first records.
 * @throws InvalidUploadError: the header cannot be read.
 */
export function csvRecords(source: UploadSource, head: UploadHead): RecordFormat {
  const { delimiter, header, start } = bestReading(head);
  if (header === undefined) refuseEmpty(head.fileName);
  if (!Array.isArray(header)) {
    throw new InvalidUploadError(
      header === 'undecodable_bytes'
        ? `${head.fileName} is not UTF-8 text; save it as UTF-8 (in Excel: File > Save As > CSV UTF-8) and drop that instead.`
        : `${head.fileName} has no header that can be read (${header}); write the column names on its first line, separated by commas.`,
      { code: header === 'undecodable_bytes' ? 'not_utf8' : 'unreadable_header' },
    );
  }
  const framing = csvFraming(delimiter, head.lineBreak);
  const splitter = new CsvSplitter(delimiter, head.lineBreak);
  const names = uniqueNames(header);
  const columns = new Map(names.map((name, index) => [name, index]));

  const outcomeOf = (values: Values | RejectionReason): { reason: null; fields: Fields } | { reason: RejectionReason } => {
    if (typeof values === 'string') return { reason: values };
    if (values.length === names.length) return { reason: null, fields: new CsvFields(columns, values) };
    return { reason: values.length > names.length ? 'too_many_fields' : 'too_few_fields' };
  };

  return {
    format: 'csv',
    header: names,
    notes: delimiter === ',' ? [] : [`The fields are taken to be separated by ${delimiterNames[delimiter]}.`],
    start,
    remedy: `give every line as many fields as the header has (${names.length}, separated by ${delimiterNames[delimiter]}) and put fields that contain "${delimiter === '\t' ? 'tab' : delimiter}", quotes or line breaks in double quotes`,
    async *records(from) {
      for await (const block of frameBlocks(source, from, framing)) {
        const values = splitter.split(block);
        yield block.frames.map(
          ({ start, end, position, next, rejection }, index): UploadRecord => ({
            position,
            next,
            raw: () => rejection?.raw ?? rawText(block.bytes, start, end),
            ...outcomeOf(values[index] as Values | RejectionReason),
          }),
        );
      }
    },
  };
}
