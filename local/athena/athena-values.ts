import type { ColumnInfo } from '@aws-sdk/client-athena';
import type { Json } from '@duckdb/node-api';
import { exactNumber, isoTime } from '../json-values.ts';

/** Types whose texts DuckDB reads as they are, by Athena's names for them; all others stay texts. */
const duckDBTypes: Record<string, string> = {
  ...{ boolean: 'BOOLEAN', tinyint: 'TINYINT', smallint: 'SMALLINT', int: 'INTEGER', integer: 'INTEGER', bigint: 'BIGINT' },
  ...{ float: 'FLOAT', real: 'FLOAT', double: 'DOUBLE', date: 'DATE', timestamp: 'TIMESTAMP' },
};
const floatTypes = new Set(['float', 'real', 'double']);
const exactTypes = new Set(['tinyint', 'smallint', 'int', 'integer', 'bigint', 'decimal']);

export const isNumberType = (type: string) => floatTypes.has(type) || exactTypes.has(type);

export function duckDBTypeOf({ Type = '', Precision, Scale }: ColumnInfo): string {
  return Type === 'decimal' ? `DECIMAL(${Precision ?? 38}, ${Scale ?? 0})` : (duckDBTypes[Type] ?? 'VARCHAR');
}

/**
 * What Athena gives as text, as DuckDB's value would be in JSON. Arrays, maps and rows are texts in a notation that cannot be read back
 * (`[a, b]`) and stay so; CAST(x AS JSON) gives JSON.
 */
export function athenaValue(text: string | undefined, type: string): Json {
  if (text === undefined) return null;
  if (exactTypes.has(type)) return exactNumber(text);
  if (floatTypes.has(type)) return Number.isFinite(Number(text)) ? Number(text) : text;
  if (type === 'boolean') return text === 'true';
  if (type === 'timestamp') return isoTime(text);
  if (type === 'timestamp with time zone') return instant(text);
  return text;
}

/** `2026-01-02 03:04:05.600 UTC` or with `+01:00`, in UTC; named zones stay. */
function instant(text: string): string {
  const time = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) (UTC|[+-]\d\d:\d\d)$/.exec(text);
  if (!time) return text;
  if (time[3] === 'UTC') return isoTime(`${time[1]} ${time[2]}`);
  const at = Date.parse(`${time[1]}T${time[2]}${time[3]}`);
  return isoTime(new Date(at).toISOString().slice(0, -1));
}
