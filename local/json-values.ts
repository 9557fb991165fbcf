import { DuckDBDecimalValue, DuckDBTypeId, type DuckDBValueConverter, type Json, JsonDuckDBValueConverter } from '@duckdb/node-api';

const integerTypes = new Set([DuckDBTypeId.BIGINT, DuckDBTypeId.UBIGINT, DuckDBTypeId.HUGEINT, DuckDBTypeId.UHUGEINT, DuckDBTypeId.BIGNUM]);
const timestampTypes = new Set([DuckDBTypeId.TIMESTAMP, DuckDBTypeId.TIMESTAMP_S, DuckDBTypeId.TIMESTAMP_MS, DuckDBTypeId.TIMESTAMP_NS]);

const numberOrText = (text: string): Json => (Math.abs(Number(text)) <= Number.MAX_SAFE_INTEGER ? Number(text) : text);

/** A value of DuckDB as JSON: whole and decimal numbers as numbers, as text beyond 2^53; times in ISO 8601, which are UTC in all tables. */
export const jsonValue: DuckDBValueConverter<Json> = (value, type, converter) => {
  if (value === null || value === undefined) return null;
  if (integerTypes.has(type.typeId)) return numberOrText(String(value));
  if (value instanceof DuckDBDecimalValue) return numberOrText(value.toString());
  if (timestampTypes.has(type.typeId)) return `${String(value).replace(' ', 'T')}Z`;
  return JsonDuckDBValueConverter(value, type, converter);
};
