import type { RejectionReason } from '../../shared/contract.ts';
import { type Fields, setOwn } from './record-format.ts';

type JsonObject = Record<string, unknown>;

export const isJsonObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The number as the record has it; `JSON.parse` rounds what a double cannot hold. */
function numberAsWritten(written: string, column: string): string | undefined {
  const sources = new Map<unknown, string | undefined>();
  const root: unknown = JSON.parse(written, function (this: unknown, key: string, value: unknown, context?: { source?: string }) {
    if (key === column) sources.set(this, context?.source);
    return value;
  });
  return sources.get(root);
}

class JsonFields implements Fields {
  readonly #object: JsonObject;
  readonly #written: string;

  constructor(object: JsonObject, written: string) {
    this.#object = object;
    this.#written = written;
  }

  names(): readonly string[] {
    return Object.keys(this.#object);
  }

  text(column: string): string {
    const value = Object.hasOwn(this.#object, column) ? this.#object[column] : null;
    if (typeof value === 'string') return value;
    if (value === null) return '';
    // Only a number that may have been rounded is worth a second, slower parse.
    if (typeof value === 'number' && !Number.isSafeInteger(value)) return numberAsWritten(this.#written, column) ?? String(value);
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  }

  except(columns: ReadonlySet<string>): Record<string, unknown> {
    const rest: Record<string, unknown> = {};
    for (const name of Object.keys(this.#object)) if (!columns.has(name)) setOwn(rest, name, this.#object[name]);
    return rest;
  }
}

/** The fields of a record written as one JSON object. */
export function jsonFields(written: string): { reason: null; fields: Fields } | { reason: RejectionReason } {
  try {
    const value: unknown = JSON.parse(written);
    return isJsonObject(value) ? { reason: null, fields: new JsonFields(value, written) } : { reason: 'not_an_object' };
  } catch {
    return { reason: 'invalid_json' };
  }
}
