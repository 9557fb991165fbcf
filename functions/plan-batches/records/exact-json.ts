/** JSON whose numbers stay as they were written: a double turns `1.10` into 1.1, `12345678901234567890` into another number, `1e400` into null. */

/** What Node has of the proposal "JSON.parse source text access" and TypeScript's library lacks. */
const { rawJSON, isRawJSON } = JSON as typeof JSON & { rawJSON(text: string): object; isRawJSON(value: unknown): boolean };

/** Whether a value is a number that stands as it was written. */
export const isExactNumber: (value: unknown) => boolean = isRawJSON;

/** Objects and arrays within each other; `JSON.stringify` gives up at some 4,000. */
const MAX_DEPTH = 1_000;

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((item) => isDeeper(item, depth - 1));
}

/**
 * Finds a number that may be written otherwise than `JSON.stringify` writes its double: with sixteen digits or more, an exponent, zeros at the
 * end of a fraction, smaller than a millionth, or `-0`. Texts may look like one, too; they cost time and nothing else.
 */
const maybeInexact = /[:[,]\s*(?:-0[\s,}\]]|-?(?:[\d.]{16}|0\.000000|\d+\.?\d*[eE]|\d+\.\d*0[\s,}\]]))/;

const exactNumber = (_key: string, value: unknown, context?: { source?: string }): unknown =>
  typeof value === 'number' && context?.source !== undefined && context.source !== String(value) ? rawJSON(context.source) : value;

/**
 * The value of a JSON text. A number that a double would change is an object that `JSON.stringify` writes as it was written.
 * @throws SyntaxError: it is no JSON, or nested beyond all reason.
 */
export function parseExactly(written: string): unknown {
  const value: unknown = JSON.parse(written);
  if (written.length > 2 * MAX_DEPTH && isDeeper(value, MAX_DEPTH)) throw new SyntaxError(`JSON nested more than ${MAX_DEPTH} deep`);
  // The reviver takes five times as long.
  return typeof value === 'object' && value !== null && maybeInexact.test(written) ? JSON.parse(written, exactNumber) : value;
}
