import { createHash } from 'node:crypto';
import { appendFileSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from '@jest/globals';
import type { ChatRequest } from '../../local/model-server/completion.ts';
import type { Fault } from '../../local/model-server/faults.ts';
import { type ModelServer, type ModelServerOptions, startModelServer } from '../../local/model-server/model-server.ts';
import { query } from '../../local/query.ts';
import { cleanUp, endpointEnv, newFolder, recordOf, reviewsCsv, runProgram } from '../local/program.ts';

/** An answer that only this request can have. */
const digest = (_: readonly string[], request: ChatRequest) => createHash('sha256').update(words(request)).digest('hex');

const words = ({ messages }: ChatRequest) => messages.at(-1)?.content as string;

let server: ModelServer;
afterEach(() => server.close());
afterAll(cleanUp);

/** A folder with a file, and the command that summarizes it at a server. */
async function openCase(csv: string, options: ModelServerOptions, flags: readonly string[]) {
  server = await startModelServer(options);
  const folder = newFolder();
  const file = join(folder, 'reviews.csv');
  const out = join(folder, 'out');
  writeFileSync(file, csv);
  const run = (path = file) => runProgram(['run', path, '--json', '--out', out, ...flags], { env: endpointEnv(server) });
  return { folder, file, out, run };
}

test('quota gone after 60 calls: only calls in flight reach the server; after a top-up the rest is paid, nothing twice', async () => {
  const [BATCHES, CONCURRENCY, CREDIT] = [200, 8, 60];
  // Two folds and the root.
  const CALLS = BATCHES + 3;
  const paid: string[] = [];
  let credit = CREDIT;
  const { run, out } = await openCase(
    reviewsCsv(BATCHES * 10),
    {
      latencyMs: 5,
      faults: (_, request) => {
        if (credit-- <= 0) return { kind: 'status', status: 429, code: 'insufficient_quota', type: 'insufficient_quota' };
        paid.push(words(request));
        return undefined;
      },
    },
    ['--batch-size', '10', '--concurrency', `${CONCURRENCY}`],
  );
  const halted = await run();
  expect(halted.code).toBe(4);
  expect(recordOf(halted)).toMatchObject({
    ...{ status: 'halted', stop_reason: 'quota_exhausted: insufficient_quota', calls: CREDIT },
    ...{ rows_in: BATCHES * 10, rows_summarized: CREDIT * 10, rows_failed: (BATCHES - CREDIT) * 10 },
  });
  const { requests } = server.stats();
  process.stdout.write(`${requests - CREDIT} calls were refused with ${CONCURRENCY} in flight\n`);
  expect(requests).toBeLessThanOrEqual(CREDIT + CONCURRENCY);

  credit = Number.POSITIVE_INFINITY;
  const complete = await run();
  expect(complete.code).toBe(0);
  expect(recordOf(complete)).toMatchObject({ status: 'complete', calls: CALLS, calls_this_attempt: CALLS - CREDIT, rows_failed: 0 });
  expect(paid).toHaveLength(CALLS);
  expect(new Set(paid).size).toBe(CALLS);
  const { rows } = await query(out, "select count(*) as n from batch_summaries where status = 'ok' and not from_cache");
  expect(rows).toEqual([{ n: CALLS }]);
});

/** Rows of two batches, at their ends and in their middles. */
const poisonPlaces = [
  [0, 2_999],
  [1_463, 1_537],
];

test.each<{ kind: string; fault: Fault; places: number[] }>([
  { kind: 'empty', fault: { kind: 'empty' }, places: poisonPlaces[0]! },
  { kind: 'empty', fault: { kind: 'empty' }, places: poisonPlaces[1]! },
  { kind: 'refusal', fault: { kind: 'refusal' }, places: poisonPlaces[0]! },
  { kind: 'content_filter', fault: { kind: 'content-filter' }, places: poisonPlaces[1]! },
  { kind: 'context_length_exceeded', fault: { kind: 'status', status: 400, code: 'context_length_exceeded' }, places: poisonPlaces[0]! },
])('two poison rows in 3,000 ($kind at $places): exactly those fail, within 32 extra calls', async ({ kind, fault, places }) => {
  const [ROWS, BATCHES] = [3_000, 30];
  const CALLS = BATCHES + 1;
  const isPoisoned = (request: ChatRequest) =>
    places.some((row) => words(request).includes(`"Review ${row}: the lid, the handle and the price were fine."`));
  const { run, out } = await openCase(reviewsCsv(ROWS), { faults: (_, request) => (isPoisoned(request) ? fault : undefined) }, []);
  const ended = await run();
  expect(ended.code).toBe(3);
  expect(recordOf(ended)).toMatchObject({
    ...{ status: 'partial', stop_reason: `failed rows by reason: ${kind}: 2`, batches: BATCHES, batches_failed: 0 },
    ...{ rows_in: ROWS, rows_summarized: ROWS - 2, rows_failed: 2 },
  });
  const { requests } = server.stats();
  process.stdout.write(`${kind}: ${requests - CALLS} extra calls\n`);
  expect(requests).toBeLessThanOrEqual(CALLS + 32);
  const failed = await query(out, "select row_number, error_code, summary from row_summaries where status = 'failed' order by row_number");
  expect(failed.rows).toEqual(places.map((row) => ({ row_number: row, error_code: kind, summary: null })));
  const others = await query(out, "select count(*) as n from row_summaries where status = 'ok' and summary is not null");
  expect(others.rows).toEqual([{ n: ROWS - 2 }]);

  // Some rows failed, and all that could be done was done: started again, nothing is asked.
  const again = await run();
  expect(again.code).toBe(3);
  expect(recordOf(again)).toMatchObject({ rows_failed: 2, calls_this_attempt: 0 });
  expect(server.stats().requests).toBe(requests);
});

test('the same file twice, and a copy under another name: no call', async () => {
  const { folder, file, run } = await openCase(reviewsCsv(1_000), {}, []);
  const first = await run();
  const copy = join(folder, 'copy.csv');
  copyFileSync(file, copy);
  const second = await run();
  const third = await run(copy);
  expect([first.code, second.code, third.code]).toEqual([0, 0, 0]);
  expect(recordOf(first)).toMatchObject({ status: 'complete', calls: 11, calls_this_attempt: 11 });
  expect(recordOf(second)).toMatchObject({ status: 'complete', calls: 11, calls_this_attempt: 0, rows_summarized: 1_000 });
  expect(recordOf(third)).toMatchObject({ status: 'complete', calls: 0, input_tokens: 0, cost_usd: 0, rows_summarized: 1_000 });
  expect(recordOf(third).run_id).not.toBe(recordOf(first).run_id);
  expect(server.stats()).toMatchObject({ requests: 11, answers: 11 });
});

test('1,000 rows appended to 100,000: ten new calls, and those on the way from them to the root', async () => {
  const { file, out, run } = await openCase(reviewsCsv(100_000), { answer: digest }, ['--concurrency', '32']);
  expect(recordOf(await run())).toMatchObject({ status: 'complete', calls: 1_011, rows_summarized: 100_000 });
  expect(server.stats().requests).toBe(1_011);
  appendFileSync(file, reviewsCsv(1_000, 100_000).slice('id,review,stars\n'.length));
  const grown = recordOf(await run());
  expect(grown).toMatchObject({ status: 'complete', calls: 12, calls_this_attempt: 12, batches: 1_010, rows_summarized: 101_000 });
  expect(server.stats().requests).toBe(1_023);
  const { rows } = await query(
    out,
    `select from_cache, count(*) as n from batch_summaries where run_id = '${grown.run_id}' group by from_cache order by from_cache`,
  );
  expect(rows).toEqual([
    // Ten batches, the fold of them, and the root of eleven folds.
    { from_cache: false, n: 12 },
    { from_cache: true, n: 1_010 },
  ]);
});
