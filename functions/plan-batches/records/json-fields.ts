import type { RejectionReason } from '../../shared/contract.ts';
import { parseExactly } from './exact-json.ts';
import { type Fields, setOwn } from './record-format.ts';

type JsonObject = Record<string, unknown>;

export const isJsonObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

class JsonFields implements Fields {
  readonly #object: JsonObject;

  constructor(object: JsonObject) {
    this.#object = object;
  }

  names(): readonly string[] {
    return Object.keys(this.#object);
  }

  text(column: string): string {
    const value = Object.hasOwn(this.#object, column) ? this.#object[column] : null;
    if (typeof value === 'string') return value;
    if (value === null) return '';
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
    const value = parseExactly(written);
    return isJsonObject(value) ? { reason: null, fields: new JsonFields(value) } : { reason: 'not_an_object' };
  } catch {
    return { reason: 'invalid_json' };
  }
}
