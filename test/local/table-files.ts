import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { tableKey } from '../../functions/shared/object-keys.ts';
import type { TableName } from '../../functions/shared/table-names.ts';
import { type TableRow, tables } from '../../functions/shared/tables.ts';
import { ParquetFile } from '../../functions/write-tables/parquet-file.ts';

/** Writes one part of a table into an out folder, as a run would have left it; columns that a row does not name are null. */
export function writeTable(out: string, table: TableName, dt: string, runId: string, rows: readonly TableRow[], part = '000000'): void {
  const file = new ParquetFile(tables[table]);
  const nulls = Object.fromEntries(tables[table].columns.map(({ name }) => [name, null]));
  for (const row of rows) file.add({ ...nulls, run_id: runId, ...row });
  const path = join(out, 'results', tableKey(table, dt, runId, part));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, file.close());
}
