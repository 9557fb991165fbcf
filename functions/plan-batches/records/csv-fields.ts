import { isAscii, isUtf8 } from 'node:buffer';
import { parse } from 'csv-parse/sync';
import type { RejectionReason } from '../../shared/contract.ts';
import type { Delimiter } from '../upload.ts';
import { withDoubledQuotes } from './csv-escapes.ts';
import { PlainFields } from './plain-fields.ts';
import { type Fields, setOwn } from './record-format.ts';
import type { Frame, FrameBlock } from './record-frames.ts';

export type Values = readonly string[];

/** Splits the records of blocks into their fields: csv-parse those that are not written plainly. */
export class CsvSplitter {
  readonly #delimiter: Delimiter;
  readonly #options: object;
  readonly #lineBreak: number;
  readonly #delimiterByte: number;
  readonly #isBackslashed: boolean;

  /** @param isBackslashed whether a quote within quotes has a backslash before it. */
  constructor(delimiter: Delimiter, lineBreak: number, isBackslashed = false) {
    this.#delimiter = delimiter;
    this.#lineBreak = lineBreak;
    this.#delimiterByte = delimiter.charCodeAt(0);
    this.#isBackslashed = isBackslashed;
    this.#options = { delimiter, record_delimiter: String.fromCharCode(lineBreak), relax_quotes: true, relax_column_count: true };
  }

  /** For every frame its values, or why it has none. */
  split({ bytes, frames }: FrameBlock): (Values | RejectionReason)[] {
    const first = frames[0];
    const last = frames.at(-1);
    if (!first || !last) return [];
    const blockBytes = bytes.subarray(first.start, last.end);
    // A byte is a character there, so one string serves all records.
    const ascii = !this.#isBackslashed && isAscii(blockBytes) ? new PlainFields(blockBytes.toString('latin1'), this.#delimiter) : null;
    const isAllUtf8 = ascii !== null || isUtf8(blockBytes);
    const others: Frame[] = [];
    const split = frames.map((frame): Values | RejectionReason | null => {
      const { start, end, rejection } = frame;
      if (rejection) return rejection.reason;
      if (!isAllUtf8 && !isUtf8(bytes.subarray(start, end))) return 'undecodable_bytes';
      const values = ascii ? ascii.of(start - first.start, end - first.start) : this.#plainFields(bytes.toString('utf8', start, end));
      if (values === null) others.push(frame);
      return values;
    });
    if (others.length === 0) return split as Values[];
    const parsed = this.#parse(bytes, others).values();
    return split.map((values) => values ?? (parsed.next().value as Values));
  }

  #plainFields = (record: string) => (this.#isBackslashed ? null : new PlainFields(record, this.#delimiter).of(0, record.length));

  /** The values of records by csv-parse, in one call. */
  #parse(bytes: Buffer, frames: readonly Frame[]): Values[] {
    const text = Buffer.allocUnsafe(frames.reduce((length, { start, end }) => length + end - start + 1, 0));
    let length = 0;
    for (const { start, end } of frames) {
      length += this.#isBackslashed
        ? withDoubledQuotes(bytes.subarray(start, end), this.#delimiterByte, text, length)
        : bytes.copy(text, length, start, end);
      text[length] = this.#lineBreak;
      length += 1;
    }
    const records = parse(text.subarray(0, length), this.#options) as string[][];
    if (records.length !== frames.length) throw new Error(`csv-parse found ${records.length} records where there are ${frames.length}`);
    return records;
  }
}

export class CsvFields implements Fields {
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
