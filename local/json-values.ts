import {
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTypeId,
  type DuckDBValueConverter,
  type Json,
  JsonDuckDBValueConverter,
} from '@duckdb/node-api';

const integerTypes = new Set([DuckDBTypeId.BIGINT, DuckDBTypeId.UBIGINT, DuckDBTypeId.HUGEINT, DuckDBTypeId.UHUGEINT, DuckDBTypeId.BIGNUM]);
const timestampTypes = new Set([DuckDBTypeId.TIMESTAMP, DuckDBTypeId.TIMESTAMP_S, DuckDBTypeId.TIMESTAMP_MS, DuckDBTypeId.TIMESTAMP_NS]);

/** Digits that every decimal number has in a double. */
const EXACT_DIGITS = 15;
const FLOAT_DIGITS = [6, 7, 8, 9];

/** A whole or decimal number as a number where that keeps its value, else as text. */
export function exactNumber(text: string): Json {
  if (/^-?\d+$/.test(text)) return Number.isSafeInteger(Number(text)) ? Number(text) : text;
  const digits = text.replace(/^-?0*\.?0*|\./g, '');
  return digits.length <= EXACT_DIGITS ? Number(text) : text;
}

/** A time of SQL, which is UTC in all tables, in ISO 8601, without zeros at the end: `2026-01-02T03:04:05.6Z`; what is no time stays. */
export function isoTime(text: string): string {
  const time = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d*?)??(?:\.?0*)$/.exec(text);
  return time ? `${time[1]}T${time[2]}${time[3] ?? ''}Z` : text;
}

/** The shortest number that is the same in 32 bits: 0.1, not 0.10000000149011612. */
const shortestFloat = (value: number): number =>
  FLOAT_DIGITS.map((digits) => Number(value.toPrecision(digits))).find((short) => Math.fround(short) === value) ?? value;

/**
 * A value of DuckDB as JSON: whole and decimal numbers as numbers, as text where they would lose digits; times in ISO 8601, UTC; what is
 * no number of JSON as text: `NaN`, `Infinity`.
 */
export const jsonValue: DuckDBValueConverter<Json> = (value, type, converter) => {
  if (value === null || value === undefined) return null;
  if (integerTypes.has(type.typeId)) return exactNumber(String(value));
  if (value instanceof DuckDBDecimalValue) return exactNumber(value.toString());
  // Its text for what lies before or after all days is a day.
  if (value instanceof DuckDBDateValue && !value.isFinite) return value.days > 0 ? 'infinity' : '-infinity';
  if (timestampTypes.has(type.typeId)) return isoTime(String(value));
  if (value instanceof DuckDBTimestampTZValue) return isoTime(new DuckDBTimestampValue(value.micros).toString());
  if (type.typeId === DuckDBTypeId.FLOAT && Number.isFinite(value)) return shortestFloat(value as number);
  return JsonDuckDBValueConverter(value, type, converter);
};
