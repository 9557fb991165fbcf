import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { query } from '../../local/query.ts';
import { callProgram } from '../local/in-process.ts';
import { cleanUp, type Ended, newFolder, recordOf, repository } from '../local/program.ts';

// Each run is a process of its own, a second or more on a busy machine.
jest.setTimeout(60_000);

const file = join(repository, '..', 'shared', 'data', 'clothing-reviews-1000.csv');
const isThere = existsSync(file);
if (!isThere) process.stderr.write('Skipped: 1,000 real reviews; ../shared/data/clothing-reviews-1000.csv is not beside the repository.\n');
const testWithFile = isThere ? test : test.skip;

let out: string;
let ended: Ended;
beforeAll(async () => {
  out = newFolder();
  if (isThere) ended = await callProgram(['run', file, '--text-column', 'Review Text', '--json', '--out', out]);
});
afterAll(cleanUp);

testWithFile('1,000 real reviews: 958 are summarized in 10 batches, 42 are rejected as empty', async () => {
  expect(ended.code).toBe(0);
  expect(recordOf(ended)).toMatchObject({
    status: 'complete',
    rows_in: 1000,
    rows_summarized: 958,
    rows_failed: 0,
    rows_rejected: 42,
    rows_skipped: 0,
    batches: 10,
    batches_failed: 0,
    calls: 11,
    levels: 2,
  });
  const { rows } = await query(out, 'select reason, count(*) as n from rejected_rows group by reason');
  expect(rows).toEqual([{ reason: 'empty_text', n: 42 }]);
  const batches = await query(
    out,
    'select batch_id, row_count, rows_failed, status from batch_summaries where level = 0 order by batch_id',
  );
  expect(batches.rows).toEqual(
    Array.from({ length: 10 }, (_, batch) => ({ batch_id: batch, row_count: batch < 9 ? 100 : 58, rows_failed: 0, status: 'ok' })),
  );
});

testWithFile('the ledger closes: each row number from 0 to 999 stands once, in row_summaries or in rejected_rows', async () => {
  const { rows } = await query(
    out,
    `with ledger as (select row_number from row_summaries union all select row_number from rejected_rows)
     select count(*) as "rows", count(distinct row_number) as "distinct", min(row_number) as first, max(row_number) as last from ledger`,
  );
  expect(rows).toEqual([{ rows: 1000, distinct: 1000, first: 0, last: 999 }]);
});

testWithFile('each row is joined to the summary of its batch, and keeps its other columns', async () => {
  const joined = await query(
    out,
    `select count(*) as n, count(*) filter (r.summary = b.summary and r.row_number >= b.first_row) as joined,
       count(*) filter (r.attributes ->> '$.Class Name' <> '') as classed
     from row_summaries r join batch_summaries b on b.run_id = r.run_id and b.batch_id = r.batch_id and b.level = 0`,
  );
  expect(joined.rows).toEqual([{ n: 958, joined: 958, classed: 958 }]);
  const { rows } = await query(
    out,
    `select attributes ->> '$.Class Name' as class, count(*) as n from row_summaries group by class order by n desc, class limit 3`,
  );
  expect(rows).toHaveLength(3);
  expect(rows[0]).toMatchObject({ class: 'Dresses' });
});

testWithFile('grouped by class: no batch mixes classes, each class has its own summary, the ledger closes', async () => {
  const grouped = newFolder();
  const args = [
    'run',
    file,
    '--text-column',
    'Review Text',
    '--group-column',
    'Class Name',
    '--min-group-rows',
    '3',
    '--json',
    '--out',
    grouped,
  ];
  const { code, stderr, ...run } = await callProgram(args);
  expect(code).toBe(0);
  // 18 classes: three of two batches, Layering with its two rows left out.
  expect(recordOf({ code, stderr, ...run })).toMatchObject({
    ...{ status: 'complete', rows_in: 1000, rows_summarized: 956, rows_rejected: 42, rows_skipped: 2, groups: 17 },
    ...{ batches: 20, calls: 20 + 3 + 1, levels: 3 },
  });
  const { rows } = await query(
    grouped,
    'select group_key, row_count, status from group_summaries order by row_count desc, group_key limit 3',
  );
  expect(rows).toEqual([
    { group_key: 'Dresses', row_count: 188, status: 'ok' },
    { group_key: 'Blouses', row_count: 178, status: 'ok' },
    { group_key: 'Knits', row_count: 153, status: 'ok' },
  ]);
  const mixed = await query(
    grouped,
    `select count(*) as n, count(*) filter (attributes ->> '$.Class Name' = group_key) as own,
       (select count(*) from (select batch_id from row_summaries group by batch_id having count(distinct group_key) > 1)) as mixed
     from row_summaries`,
  );
  expect(mixed.rows).toEqual([{ n: 958, own: 958, mixed: 0 }]);
  // People are shown the largest groups; with --json that is on stderr.
  expect(stderr).toMatch(/^The largest of 17 groups, by rows:\n {2}Dresses +188 {2}\S/m);
  expect(stderr).toContain('2 skipped');
});
