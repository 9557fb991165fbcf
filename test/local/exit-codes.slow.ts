import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { tables } from '../../functions/shared/tables.ts';
import type { ChatRequest } from '../../local/model-server/completion.ts';
import type { Fault } from '../../local/model-server/faults.ts';
import { type ModelServer, startModelServer } from '../../local/model-server/model-server.ts';
import { query } from '../../local/query.ts';
import { cleanUp, type Ended, endpointEnv, newFolder, recordOf, reviewsCsv, runProgram } from './program.ts';

// Each run is a process of its own, a second or more on a busy machine.
jest.setTimeout(60_000);

let folder: string;
let file: string;
beforeAll(() => {
  folder = newFolder();
  file = join(folder, 'reviews.csv');
  writeFileSync(file, reviewsCsv(45));
});
afterAll(cleanUp);

/** What `faultOf` gets for a call that folds summaries. */
const FOLD = -1;

// One server whose trouble each test chooses; five batches of ten rows, the last of five.
let server: ModelServer;
let faultOf: (batch: number, request: ChatRequest) => Fault | undefined;
const batchOf = (request: ChatRequest) => {
  const row = /^\["Review (\d+)/.exec(request.messages[1]!.content as string)?.[1];
  return row === undefined ? FOLD : Math.floor(Number(row) / 10);
};
beforeEach(async () => {
  faultOf = () => undefined;
  server = await startModelServer({ record: true, faults: (_, request) => faultOf(batchOf(request), request) });
});
afterEach(() => server.close());

const run = (out: string, ...flags: string[]) =>
  runProgram(['run', file, '--batch-size', '10', '--json', '--out', join(folder, out), ...flags], { env: endpointEnv(server) });

const badRequest: Fault = { kind: 'status', status: 400 };
const noQuota: Fault = { kind: 'status', status: 429, code: 'insufficient_quota' };

/** What must be true of `--json` whatever became of the run. */
function expectRecord(ended: Ended) {
  const record = recordOf(ended);
  expect(Object.keys(record)).toEqual(tables.runs.columns.map(({ name }) => name));
  for (const { name, type } of tables.runs.columns) {
    const value = record[name];
    if (value === null) continue;
    if (type === 'timestamp') expect(new Date(String(value)).toISOString()).toBe(value);
    else expect(typeof value).toBe(type === 'string' ? 'string' : 'number');
  }
  const [rowsIn, ...parts] = ['rows_in', 'rows_summarized', 'rows_failed', 'rows_rejected', 'rows_skipped'].map((name) =>
    Number(record[name]),
  );
  expect(rowsIn).toBe(parts.reduce((sum, part) => sum + part));
  expect(ended.stderr).not.toMatch(/^ {4}at /m);
  return record;
}

const batchesOf = async (out: string) =>
  (await query(join(folder, out), 'select status, error_code from batch_summaries where level = 0 order by batch_id')).rows;

test('0: complete', async () => {
  const ended = await run('complete');
  expect(ended.code).toBe(0);
  expect(expectRecord(ended)).toMatchObject({ status: 'complete', stop_reason: null, rows_in: 45, batches: 5, calls: 6, levels: 2 });
});

test('3: partial, one batch failed for good; its rows have no summary, the others theirs', async () => {
  faultOf = (batch) => (batch === 1 ? badRequest : undefined);
  const ended = await run('partial');
  expect(ended.code).toBe(3);
  expect(expectRecord(ended)).toMatchObject({ status: 'partial', rows_summarized: 35, rows_failed: 10, batches_failed: 1, calls: 5 });
  const failed = { status: 'failed', error_code: 'http_400' };
  const ok = { status: 'ok', error_code: null };
  expect(await batchesOf('partial')).toEqual([ok, failed, ok, ok, ok]);
  const { rows } = await query(
    join(folder, 'partial'),
    'select count(*) as n, min(row_number) as first, max(row_number) as last, any_value(error_code) as code from row_summaries where summary is null',
  );
  expect(rows).toEqual([{ n: 10, first: 10, last: 19, code: 'http_400' }]);

  faultOf = () => undefined;
  const again = await run('partial');
  expect(again.code).toBe(0);
  // The failed batch, and the root, which it was not in before.
  expect(expectRecord(again)).toMatchObject({ status: 'complete', calls: 7, calls_this_attempt: 2 });
  expect(server.stats().answers).toBe(7);
});

test('4: halted when the quota is gone; run again, it goes on and pays nothing twice', async () => {
  faultOf = (batch) => (batch >= 2 ? noQuota : undefined);
  const halted = await run('quota', '--concurrency', '1');
  expect(halted.code).toBe(4);
  expect(expectRecord(halted)).toMatchObject({
    status: 'halted',
    stop_reason: 'quota_exhausted: insufficient_quota',
    rows_summarized: 20,
    calls: 2,
  });
  expect(halted.stderr).toContain('Halted (quota_exhausted: insufficient_quota): run it again to go on');
  expect(halted.stderr).toContain('45 read, 20 summarized, 25 left');

  faultOf = () => undefined;
  const again = await run('quota');
  expect(again.code).toBe(0);
  expect(expectRecord(again)).toMatchObject({ status: 'complete', rows_summarized: 45, calls: 6, calls_this_attempt: 4 });
  expect(server.stats().answers).toBe(6);
});

test('1: failed when nothing could be summarized', async () => {
  faultOf = () => badRequest;
  const ended = await run('failed');
  expect(ended.code).toBe(1);
  expect(expectRecord(ended)).toMatchObject({ status: 'failed', rows_failed: 45, batches_failed: 5, calls: 0, cost_usd: 0 });
  expect(recordOf(ended).stop_reason).toContain('http_400');
});

test('4: halted at the budget, again with a higher one; 2 where it pays for no call or the price is unknown', async () => {
  const none = await run('budget', '--max-cost-usd', '0.0000001');
  expect(none.code).toBe(2);
  expect(expectRecord(none)).toMatchObject({ status: 'rejected', calls: 0, rows_in: 0 });
  expect(recordOf(none).stop_reason).toMatch(/^maxCostUsd is 1e-7, but one call can cost 0\.000\d+ dollars; allow at least that much\.$/);

  // Room for some calls: what a call may cost at most is reserved before it is made, and most of that is given back after it.
  const some = await run('budget', '--max-cost-usd', '0.00025', '--concurrency', '1');
  expect(some.code).toBe(4);
  expect(some.stderr).toContain('Warning: this may cost more than the cap');
  expect(some.stderr).toContain('run it again with a higher --max-cost-usd to go on');
  const paid = Number(expectRecord(some).calls);
  expect(paid).toBeGreaterThan(0);
  expect(paid).toBeLessThan(5);
  expect(Number(recordOf(some).cost_usd)).toBeLessThanOrEqual(0.00025);
  expect(recordOf(some).run_id).toBe(recordOf(none).run_id);

  const all = await run('budget', '--max-cost-usd', '1');
  expect(all.code).toBe(0);
  expect(expectRecord(all)).toMatchObject({ status: 'complete', calls: 6, calls_this_attempt: 6 - paid });
  expect(server.stats().answers).toBe(6);

  const unknown = await run('budget', '--max-cost-usd', '1', '--model', 'house-model');
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toBe(
    'maxCostUsd: the price of house-model is unknown, so its cost cannot be capped. Leave maxCostUsd out or name another model.\n',
  );
  expect(unknown.stdout).toBe('');
});

test('2: rejected, with one sentence, a row of runs and no other table', async () => {
  const files: Record<string, [content: string | Uint8Array, words: string]> = {
    'empty.csv': ['', 'empty.csv is empty'],
    'book.xlsx': [Buffer.from('504b0304140000000800', 'hex'), 'is an Excel workbook'],
    'numbers.csv': ['a,b\n1,2\n3,4\n', 'set textColumn (--text-column) to one of the columns: "a", "b"'],
  };
  await Promise.all(
    Object.entries(files).map(async ([name, [content, words]]) => {
      writeFileSync(join(folder, name), content);
      const out = join(folder, `out-${name}`);
      const ended = await runProgram(['run', join(folder, name), '--json', '--out', out]);
      expect(ended.code).toBe(2);
      const record = expectRecord(ended);
      expect(record).toMatchObject({ status: 'rejected', rows_in: 0, calls: 0 });
      expect(record.stop_reason).toContain(words);
      expect(ended.stderr).toBe(`Rejected: ${record.stop_reason}\n`);
      expect(readdirSync(join(out, 'results', 'tables'))).toEqual(['runs']);
    }),
  );
});
