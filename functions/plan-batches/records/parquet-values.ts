import { isUtf8 } from 'node:buffer';
import type { ParquetParsers, SchemaElement } from 'hyparquet';
import { isExactNumber, parseExactly } from './exact-json.ts';

/** Values of Parquet as text or JSON: nothing is rounded, times are ISO 8601 text, decimals text as written. */

/** Occurs in no UTF-8 text; stands for the text of bytes that are none. */
const NO_TEXT = '\udfff';
const LAST_DAY = 100_000_000;
const MILLISECONDS_A_DAY = 86_400_000;

const asBuffer = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

/** The text of bytes; the bytes themselves where they are not UTF-8. */
function textOrBytes(bytes: Uint8Array): string | Uint8Array {
  const text = asBuffer(bytes).toString('utf8');
  return text.includes('\ufffd') && !isUtf8(bytes) ? bytes : text;
}

function jsonOrText(bytes: Uint8Array): unknown {
  const text = textOrBytes(bytes);
  if (typeof text !== 'string') return text;
  try {
    return parseExactly(text);
  } catch {
    return text;
  }
}

const dateText = (days: number) =>
  Math.abs(days) > LAST_DAY ? String(days) : (new Date(days * MILLISECONDS_A_DAY).toISOString().split('T')[0] as string);

/** `.123`, `.123456`: as many digits as are needed, '' for none. */
const fractionText = (fraction: bigint, digits: number) => {
  const written = String(fraction).padStart(digits, '0').replace(/0+$/, '');
  return written === '' ? '' : `.${written}`;
};

function timestampText(units: bigint, digits: number, zone: string): string {
  const perSecond = 10n ** BigInt(digits);
  const fraction = ((units % perSecond) + perSecond) % perSecond;
  const milliseconds = Number((units - fraction) / perSecond) * 1000;
  if (Math.abs(milliseconds) > LAST_DAY * MILLISECONDS_A_DAY) return String(units);
  return new Date(milliseconds).toISOString().replace('.000Z', '') + fractionText(fraction, digits) + zone;
}

function timeOfDayText(units: bigint, digits: number): string {
  const perSecond = 10n ** BigInt(digits);
  const seconds = units / perSecond;
  const two = (value: bigint) => String(value).padStart(2, '0');
  return `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}${fractionText(units % perSecond, digits)}`;
}

function decimalText(unscaled: bigint, scale: number): string {
  if (scale <= 0) return String(unscaled * 10n ** BigInt(-scale));
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Months, days and milliseconds, as ISO 8601 has them. */
function durationText(bytes: Uint8Array): string {
  const [months, days, milliseconds] = [0, 4, 8].map((at) => asBuffer(bytes).readUInt32LE(at)) as [number, number, number];
  return `P${months}M${days}DT${milliseconds / 1000}S`;
}

const signed = (bytes: Uint8Array) =>
  bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${asBuffer(bytes).toString('hex')}`));
const unscaledOf = (value: unknown) => (value instanceof Uint8Array ? signed(value) : BigInt(value as number | bigint));

/** The shortest number that is the same single. */
function shortSingle(value: number): number {
  for (let digits = 6; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

/** What hyparquet calls for the values of one column. */
export function parsersOf({ logical_type }: SchemaElement): ParquetParsers {
  const zone = logical_type?.type === 'TIMESTAMP' && !logical_type.isAdjustedToUTC ? '' : 'Z';
  return {
    timestampFromMilliseconds: (units) => timestampText(BigInt(units), 3, zone),
    timestampFromMicroseconds: (units) => timestampText(BigInt(units), 6, zone),
    timestampFromNanoseconds: (units) => timestampText(BigInt(units), 9, zone),
    dateFromDays: dateText,
    stringFromBytes: textOrBytes,
    jsonFromBytes: jsonOrText,
    geometryFromBytes: (bytes) => bytes,
    geographyFromBytes: (bytes) => bytes,
    uuidFromBytes: (bytes) =>
      asBuffer(bytes)
        .toString('hex')
        .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
  };
}

const digitsOfUnit: Record<string, number> = { MILLIS: 3, MICROS: 6, NANOS: 9 };

export interface ValueReading {
  /** The element as hyparquet is to read it: without the types that it rounds or refuses. */
  element: SchemaElement;
  /** Whether bytes are text. */
  utf8: boolean;
  /** What turns a value that hyparquet gives into ours, null where it is one. */
  finish: ((value: unknown) => unknown) | null;
}

/** How the values of a column are read. */
export function readingOf(element: SchemaElement): ValueReading {
  const { converted_type: converted, logical_type: logical, type } = element;
  const plain: SchemaElement = { ...element, converted_type: undefined as never, logical_type: undefined as never };
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') {
    const scale = element.scale ?? (logical?.type === 'DECIMAL' ? logical.scale : 0);
    return { element: plain, utf8: false, finish: (value) => decimalText(unscaledOf(value), Math.min(Math.max(scale, -100), 100)) };
  }
  if (converted === 'INTERVAL') return { element: plain, utf8: false, finish: (value) => durationText(value as Uint8Array) };
  if (converted === 'BSON') return { element: plain, utf8: false, finish: null };
  if (converted === 'TIME_MILLIS' || converted === 'TIME_MICROS' || logical?.type === 'TIME') {
    const digits = logical?.type === 'TIME' ? (digitsOfUnit[logical.unit] ?? 3) : converted === 'TIME_MICROS' ? 6 : 3;
    return { element: plain, utf8: false, finish: (value) => timeOfDayText(BigInt(value as number | bigint), digits) };
  }
  if (logical?.type === 'DATE' && converted !== 'DATE')
    return { element: plain, utf8: false, finish: (value) => dateText(value as number) };
  return { element, utf8: true, finish: type === 'FLOAT' ? (value) => shortSingle(value as number) : null };
}

/** A value as text, '' for none. Not well-formed where it is bytes that are not UTF-8. */
export function parquetText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return '';
  if (value instanceof Uint8Array) return isUtf8(value) ? asBuffer(value).toString('utf8') : NO_TEXT;
  return typeof value === 'object' ? JSON.stringify(parquetJson(value)) : String(value);
}

/** A value as JSON has it: integers beyond a double's and numbers that JSON lacks as text, bytes that are not UTF-8 in base64. */
export function parquetJson(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (value instanceof Uint8Array) return isUtf8(value) ? asBuffer(value).toString('utf8') : asBuffer(value).toString('base64');
  if (isExactNumber(value)) return value;
  if (value instanceof Date) return value.toJSON();
  if (Array.isArray(value)) return value.map(parquetJson);
  if (typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, parquetJson(item)]));
  return value;
}
