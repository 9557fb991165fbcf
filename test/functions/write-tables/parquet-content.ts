import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';

type Row = Record<string, unknown>;

/** The rows of a Parquet file as hyparquet reads them: 64-bit integers are bigints, timestamps are dates. */
export async function parquetRows(bytes: Uint8Array): Promise<Row[]> {
  const file = Uint8Array.from(bytes).buffer;
  return parquetReadObjects({ file, compressors: { ZSTD: (input) => zstdDecompressSync(input) } });
}

/** Rows of each row group. */
export const rowGroups = (bytes: Uint8Array): number[] =>
  parquetMetadata(Uint8Array.from(bytes).buffer).row_groups.map((group) => Number(group.num_rows));

/** The columns, with their types, and the rows of a Parquet file as DuckDB reads them. */
export async function duckDbTable(bytes: Uint8Array): Promise<{ columns: { name: string; type: string }[]; rows: Row[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'parquet-'));
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  try {
    const path = join(folder, 'table.parquet');
    await writeFile(path, bytes);
    const reader = await connection.runAndReadAll(`SELECT * FROM read_parquet('${path}')`);
    const types = reader.columnTypes().map(String);
    return {
      columns: reader.columnNames().map((name, index) => ({ name, type: types[index] as string })),
      rows: reader.getRowObjectsJS() as Row[],
    };
  } finally {
    connection.closeSync();
    instance.closeSync();
    await rm(folder, { recursive: true });
  }
}
