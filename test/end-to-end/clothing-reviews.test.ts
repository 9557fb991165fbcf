import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { query } from '../../local/query.ts';
import { cleanUp, type Ended, newFolder, recordOf, repository, runProgram } from '../local/program.ts';

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
  if (isThere) ended = await runProgram(['run', file, '--text-column', 'Review Text', '--json', '--out', out]);
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
