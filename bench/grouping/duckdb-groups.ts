import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { runInDuckDb, sqlText } from '../duckdb.ts';
import { isOutOfMemory, OUT_OF_MEMORY } from './out-of-memory.ts';

/** Orders the rows of a CSV file by group into JSON lines, or only counts the rows of each group, with so many MiB of memory. */
const [what, path = '', target = '', memoryMb = ''] = process.argv.slice(2);
mkdirSync(target, { recursive: true });
const read = `read_csv(${sqlText(path)}, columns = {id: 'VARCHAR', grp: 'VARCHAR', review: 'VARCHAR'}, header = true)`;
const query =
  what === 'order'
    ? `SELECT row_number() OVER () - 1 AS rowNumber, id, grp, review FROM ${read} ORDER BY grp, rowNumber`
    : `SELECT grp, count(*) AS rows FROM ${read} GROUP BY grp`;
try {
  const seconds = await runInDuckDb([`COPY (${query}) TO ${sqlText(join(target, 'groups.jsonl'))} (FORMAT json)`], {
    memory_limit: `${memoryMb}MiB`,
    temp_directory: join(target, 'spilled'),
  });
  process.stdout.write(`${JSON.stringify({ seconds })}\n`);
} catch (error) {
  if (!isOutOfMemory(error)) throw error;
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = OUT_OF_MEMORY;
}
