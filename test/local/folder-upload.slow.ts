import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, jest, test } from '@jest/globals';
import { query } from '../../local/query.ts';
import { callProgram } from './in-process.ts';
import { cleanUp, newFolder, recordOf, reviewsCsv } from './program.ts';

// Each run is a process of its own, a second or more on a busy machine.
jest.setTimeout(60_000);
afterAll(cleanUp);

/** A folder with the files. @returns its path. */
function write(files: Record<string, string | Uint8Array>): string {
  const folder = join(newFolder(), 'export');
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

const sparkOutput = () =>
  write({
    _SUCCESS: '',
    '._SUCCESS.crc': 'crc',
    '.part-00000.csv.crc': 'crc',
    '.DS_Store': '\0\0\0\u0001Bud1',
    '_temporary/0/part-00000.csv': reviewsCsv(50, 900),
    'part-00000.csv': reviewsCsv(3),
    'part-00001.csv': '',
    'part-00002.csv.gz': gzipSync(reviewsCsv(2, 3)),
    'part-00010.csv': `${reviewsCsv(2, 5)}broken\n`,
  });

const ids = async (out: string) =>
  (await query(out, 'select row_number::int as n, id from row_summaries order by row_number')).rows.map((row) => row.id);

test('a folder is one run of all its parts, in key order', async () => {
  const folder = sparkOutput();
  const out = newFolder();
  const ended = await callProgram(['run', folder, '--out', out, '--json']);
  expect(ended.code).toBe(0);
  expect(recordOf(ended)).toMatchObject({
    ...{ status: 'complete', dataset: 'default', source_key: 'default/export/', source_version: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ...{ run_id: expect.stringMatching(/^export-/), rows_in: 8, rows_summarized: 7, rows_rejected: 1, batches: 1 },
  });
  expect(JSON.parse(String(recordOf(ended).settings))).toMatchObject({ upload: 'folder' });
  expect(await ids(out)).toEqual(['r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6']);
  expect(readFileSync(join(out, 'input/default/export/part-00000.csv'), 'utf8')).toBe(reviewsCsv(3));
  expect(existsSync(join(out, 'input/default/export/_temporary'))).toBe(false);

  const again = recordOf(await callProgram(['run', `${folder}/`, '--out', out, '--json']));
  expect(again).toMatchObject({ run_id: recordOf(ended).run_id, calls: 1, calls_this_attempt: 0 });

  rmSync(join(folder, 'part-00010.csv'));
  const changed = recordOf(await callProgram(['run', folder, '--out', out, '--json', '--dataset', 'support', '--limit', '4']));
  expect(changed).toMatchObject({ dataset: 'support', source_key: 'support/export/', rows_in: 4 });
  expect(changed.run_id).not.toBe(again.run_id);
});

test('parts in partition folders have the partitions’ values as attributes', async () => {
  const out = newFolder();
  const folder = write({ 'dt=2026-01-01/a.csv': reviewsCsv(1), 'dt=2026-01-02/a.csv': reviewsCsv(1, 1) });
  expect((await callProgram(['run', folder, '--out', out])).code).toBe(0);
  const { rows } = await query(out, "select id, attributes ->> 'dt' as dt from row_summaries order by row_number");
  expect(rows).toEqual([
    { id: 'r0', dt: '2026-01-01' },
    { id: 'r1', dt: '2026-01-02' },
  ]);
});

test('the settings beside the folder count, those in it more', async () => {
  const folder = write({ 'a.csv': reviewsCsv(4), '_hundredfold.json': '{"batchRows": 2}' });
  writeFileSync(join(dirname(folder), '_hundredfold.json'), '{"batchRows": 1, "temperature": 0, "upload": "file"}');
  const record = recordOf(await callProgram(['run', folder, '--out', newFolder(), '--json']));
  expect(JSON.parse(String(record.settings))).toMatchObject({ batchRows: 2, temperature: 0, upload: 'folder' });
});

test.each<[string, Record<string, string>, RegExp]>([
  [
    'whose part lacks the text column',
    { 'a.csv': reviewsCsv(1), 'b.csv': 'id,comment\n1,good\n' },
    /export\/b\.csv has no column "review"/,
  ],
  ['of nothing to read', { _SUCCESS: '' }, /export\/ has no part files/],
])('a folder %s is refused', async (_, files, words) => {
  const ended = await callProgram(['run', write(files), '--out', newFolder(), '--json']);
  expect(ended.code).toBe(2);
  expect(recordOf(ended)).toMatchObject({ status: 'rejected', stop_reason: expect.stringMatching(words) });
});
