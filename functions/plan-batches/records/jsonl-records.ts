import { isUtf8 } from 'node:buffer';
import type { RejectionReason } from '../../shared/contract.ts';
import type { UploadHead } from '../upload-head.ts';
import type { Fields, RecordFormat, UploadRecord, UploadSource } from './record-format.ts';
import { setOwn } from './record-format.ts';
import { type Framing, frameBlocks, rawText } from './record-frames.ts';

/** JSON Lines: one object a line; lines of nothing but white space are no records. */

const jsonlFraming = (lineBreak: Framing['lineBreak']): Framing => ({
  lineBreak,
  delimiter: null,
  endOf(bytes, start, limit) {
    const found = bytes.indexOf(lineBreak, start);
    if (found !== -1 && found <= limit) return found;
    return limit === bytes.length ? limit : 'record_too_long';
  },
});

type JsonObject = Record<string, unknown>;

export const isJsonObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The number as the line has it; `JSON.parse` rounds what a double cannot hold. */
function numberAsWritten(line: string, column: string): string | undefined {
  const sources = new Map<unknown, string | undefined>();
  const root: unknown = JSON.parse(line, function (this: unknown, key: string, value: unknown, context?: { source?: string }) {
    if (key === column) sources.set(this, context?.source);
    return value;
  });
  return sources.get(root);
}

class JsonFields implements Fields {
  readonly #object: JsonObject;
  readonly #line: string;

  constructor(object: JsonObject, line: string) {
    this.#object = object;
    this.#line = line;
  }

  names(): readonly string[] {
    return Object.keys(this.#object);
  }

  text(column: string): string {
    const value = Object.hasOwn(this.#object, column) ? this.#object[column] : null;
    if (typeof value === 'string') return value;
    if (value === null) return '';
    // Only a number that may have been rounded is worth a second, slower parse.
    if (typeof value === 'number' && !Number.isSafeInteger(value)) return numberAsWritten(this.#line, column) ?? String(value);
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  }

  except(columns: ReadonlySet<string>): Record<string, unknown> {
    const rest: Record<string, unknown> = {};
    for (const name of Object.keys(this.#object)) if (!columns.has(name)) setOwn(rest, name, this.#object[name]);
    return rest;
  }
}

function parseLine(line: string): { reason: null; fields: Fields } | { reason: RejectionReason } {
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) ? { reason: null, fields: new JsonFields(value, line) } : { reason: 'not_an_object' };
  } catch {
    return { reason: 'invalid_json' };
  }
}

/** The JSON Lines reader for a file. */
export function jsonlRecords(source: UploadSource, head: UploadHead): RecordFormat {
  const framing = jsonlFraming(head.lineBreak);
  return {
    format: 'jsonl',
    header: null,
    notes: [],
    start: head.start,
    remedy: 'write one JSON object on each line',
    async *records(from) {
      for await (const { bytes, frames } of frameBlocks(source, from, framing)) {
        yield frames.map(({ start, end, position, next, rejection }): UploadRecord => {
          const place = { position, next, raw: () => rejection?.raw ?? rawText(bytes, start, end) };
          if (rejection) return { ...place, reason: rejection.reason };
          if (!isUtf8(bytes.subarray(start, end))) return { ...place, reason: 'undecodable_bytes' };
          return { ...place, ...parseLine(bytes.toString('utf8', start, end)) };
        });
      }
    },
  };
}
