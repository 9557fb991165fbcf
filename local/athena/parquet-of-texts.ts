import { statSync } from 'node:fs';
import { duckDBSession, quoted, quotedName } from '../duckdb-session.ts';

export interface TypedColumn {
  name: string;
  /** A type of DuckDB. */
  type: string;
}

/**
 * Writes a Parquet file of rows that stand as texts in a file of JSON lines, by the places of their columns.
 * @returns the number of rows.
 */
export async function parquetOfTexts(lines: string, columns: readonly TypedColumn[], path: string): Promise<number> {
  const session = await duckDBSession();
  try {
    const fields = columns.map((_, index) => `'${index}': 'VARCHAR'`).join(', ');
    const reader = `read_json(${quoted(lines)}, format = 'newline_delimited', columns = {${fields}})`;
    const values = columns.map(({ name, type }, index) => `CAST("${index}" AS ${type}) AS ${quotedName(name)}`);
    // An empty file is no JSON.
    const rows =
      statSync(lines).size > 0 ? `FROM ${reader}` : `FROM (SELECT ${columns.map((_, index) => `NULL AS "${index}"`)}) WHERE false`;
    const copy = `COPY (SELECT ${values.join(', ')} ${rows}) TO ${quoted(path)} (FORMAT parquet, COMPRESSION zstd)`;
    const result = await session.connection.runAndReadAll(copy);
    return Number(result.getRows()[0]?.[0] ?? 0);
  } finally {
    session.close();
  }
}
