import { isUtf8 } from 'node:buffer';
import { parse } from 'csv-parse/sync';
import type { RejectionReason } from '../../shared/contract.ts';
import type { Delimiter } from '../upload.ts';
import { withDoubledQuotes } from './csv-escapes.ts';
import { type Fields, setOwn } from './record-format.ts';
import type { FrameBlock } from './record-frames.ts';

export type Values = readonly string[];

/** Splits the records of blocks into their fields. */
export class CsvSplitter {
  readonly #options: object;
  readonly #lineBreak: number;
  readonly #delimiterByte: number;
  readonly #isBackslashed: boolean;
  #scratch = Buffer.alloc(0);

  /** @param isBackslashed whether a quote within quotes has a backslash before it. */
  constructor(delimiter: Delimiter, lineBreak: number, isBackslashed = false) {
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
      length += this.#isBackslashed
        ? withDoubledQuotes(bytes.subarray(start, end), this.#delimiterByte, text, length)
        : bytes.copy(text, length, start, end);
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
