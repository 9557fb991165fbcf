import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { tableKey } from '../../functions/shared/object-keys.ts';
import { tables } from '../../functions/shared/tables.ts';
import { ParquetFile } from '../../functions/write-tables/parquet-file.ts';
import { query } from '../../local/query.ts';
import { cleanUp, newFolder } from './program.ts';
import { writeTable } from './table-files.ts';

afterAll(cleanUp);

/** A row of runs as a version without the column `claims` has written it. */
function writeOldRun(out: string, runId: string) {
  const columns = tables.runs.columns.filter(({ name }) => name !== 'claims');
  const file = new ParquetFile({ ...tables.runs, columns });
  file.add({ ...Object.fromEntries(columns.map(({ name }) => [name, null])), run_id: runId });
  const path = join(out, 'results', tableKey('runs', '2026-01-01', runId, '000000'));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, file.close());
}

test('columns that files of an older version lack are null, beside newer files and alone', async () => {
  const out = newFolder();
  writeOldRun(out, 'old');
  expect((await query(out, 'select run_id, claims, dt from runs')).rows).toEqual([{ run_id: 'old', claims: null, dt: '2026-01-01' }]);
  writeTable(out, 'runs', '2026-03-01', 'new', [{ claims: 7 }]);
  const { columns, rows } = await query(out, 'select * from runs order by dt');
  expect(columns).toEqual([...tables.runs.columns.map(({ name }) => name), 'dt']);
  expect(rows).toMatchObject([
    { run_id: 'old', claims: null, dt: '2026-01-01' },
    { run_id: 'new', claims: 7, dt: '2026-03-01' },
  ]);
});
