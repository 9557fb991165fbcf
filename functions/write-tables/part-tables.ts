import { stagedTableKey } from '../shared/object-keys.ts';
import type { ObjectStore } from '../shared/ports.ts';
import type { TableName } from '../shared/table-names.ts';
import type { ParquetFile } from './parquet-file.ts';

/** Stores the files that have rows. @returns their tables. */
export async function storeTables(
  files: Partial<Record<TableName, ParquetFile>>,
  runId: string,
  part: string,
  work: ObjectStore,
): Promise<string[]> {
  const filled = Object.entries(files).filter(([, file]) => file.rows > 0);
  for (const [table, file] of filled) await work.put(stagedTableKey(runId, table, part), file.close());
  return filled.map(([table]) => table);
}
