import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { newRun } from '../../functions/accept-upload/new-run.ts';
import type { Clock } from '../../functions/shared/ports.ts';
import { importFile } from '../../local/directory-store/import-file.ts';
import { claimNextAttempt } from '../../local/local-attempt.ts';
import { runLocally } from '../../local/local-run.ts';
import { localStores } from '../../local/local-stores.ts';
import type { ChatRequest } from '../../local/model-server/completion.ts';
import type { Fault } from '../../local/model-server/faults.ts';
import { type ModelServer, startModelServer } from '../../local/model-server/model-server.ts';
import { query } from '../../local/query.ts';
import { RunMeter } from '../../local/run-meter.ts';
import { callProgram } from '../local/in-process.ts';
import { cleanUp, endpointEnv, newFolder, recordOf, reviewsCsv, startProgram } from '../local/program.ts';

/** 205 batches of one row: three folds, then the root. */
const ROWS = 205;
const CALLS = ROWS + 3 + 1;

let server: ModelServer;
afterEach(() => server.close());
afterAll(cleanUp);

const words = ({ messages }: ChatRequest) => messages.at(-1)?.content as string;

/** Rows behind a merge, 0 for a request of rows. */
function mergedRows(request: ChatRequest): number {
  const parts = JSON.parse(words(request)) as (string | { rows: number })[];
  return parts.reduce((sum, part) => sum + (typeof part === 'object' ? part.rows : 0), 0);
}
const isRoot = (request: ChatRequest) => mergedRows(request) === ROWS;
const isFold = (request: ChatRequest) => mergedRows(request) > 0 && !isRoot(request);

/** A server, a file of 205 rows, and the command that summarizes it row by row. */
async function openCase(faultOf: (request: ChatRequest) => Fault | undefined = () => undefined) {
  const answered: string[] = [];
  server = await startModelServer({
    faults: (_, request) => {
      const fault = faultOf(request);
      if (!fault) answered.push(JSON.stringify(request.messages));
      return fault;
    },
  });
  const folder = newFolder();
  const file = join(folder, 'reviews.csv');
  const out = join(folder, 'out');
  writeFileSync(file, reviewsCsv(ROWS));
  const args = ['run', file, '--batch-size', '1', '--json', '--out', out];
  const env = endpointEnv(server);
  return {
    ...{ out, file, answered },
    run: (...flags: string[]) => callProgram([...args, ...flags], { env }),
    start: (...flags: string[]) => startProgram([...args, ...flags], { env }),
  };
}

const statusesOf = async (out: string) => {
  const { rows } = await query(
    out,
    'select level, status, error_code, count(*) as n from batch_summaries where level > 0 group by all order by level, status',
  );
  return rows.map(({ level, status, error_code, n }) => [level, status, error_code, Number(n)]);
};

test.each([
  ['before the first fold', 1],
  ['before the root', 4],
])('killed %s and run again: nothing is paid twice, and the root is that of a run that was left alone', async (_, deadlyMerge) => {
  const reference = await openCase();
  const { summary } = recordOf(await reference.run());
  await server.close();

  let merges = 0;
  let kill = () => {};
  const { run, start, answered, out } = await openCase((request) => {
    // The call that kills hangs, so that its answer is not paid for.
    if (mergedRows(request) === 0 || ++merges !== deadlyMerge) return undefined;
    kill();
    return { kind: 'hang' };
  });
  const program = start('--concurrency', '1');
  kill = () => void program.child.kill('SIGKILL');
  expect((await program.ended).signal).toBe('SIGKILL');
  const again = recordOf(await run());
  expect(again).toMatchObject({ status: 'complete', calls: CALLS, levels: 3, summary });
  expect(answered).toHaveLength(CALLS);
  expect(new Set(answered).size).toBe(CALLS);
  expect(await statusesOf(out)).toEqual([
    [1, 'ok', null, 3],
    [2, 'ok', null, 1],
  ]);
});

test('a budget that ends among the folds halts the run, which goes on with more: nothing is paid twice', async () => {
  const reference = await openCase();
  const whole = recordOf(await reference.run());
  const { rows } = await query(reference.out, 'select level, sum(cost_usd) as usd from batch_summaries group by level order by level');
  const [rowsUsd = 0, foldsUsd = 0] = rows.map(({ usd }) => Number(usd));
  await server.close();

  const { run, answered, out } = await openCase();
  // Enough for the rows and for one fold; each call reserves the most that it can cost.
  const halted = await run('--concurrency', '1', '--max-cost-usd', (rowsUsd + foldsUsd).toFixed(9));
  expect(halted.code).toBe(4);
  const record = recordOf(halted);
  expect(record).toMatchObject({ status: 'halted', stop_reason: 'budget_exceeded', rows_summarized: ROWS, rows_failed: 0, summary: null });
  expect(Number(record.cost_usd)).toBeLessThanOrEqual(rowsUsd + foldsUsd);
  expect(Number(record.calls)).toBeGreaterThanOrEqual(ROWS);
  expect(Number(record.calls)).toBeLessThan(CALLS);
  expect((await statusesOf(out)).at(-1)).toEqual([2, 'failed', 'halted', 1]);

  const complete = await run('--max-cost-usd', '5');
  expect(complete.code).toBe(0);
  expect(recordOf(complete)).toMatchObject({ status: 'complete', calls: CALLS, calls_this_attempt: CALLS - Number(record.calls) });
  expect(recordOf(complete).summary).toBe(whole.summary);
  expect(new Set(answered).size).toBe(CALLS);
  expect(answered).toHaveLength(CALLS);
});

describe('a merge that never succeeds: the run is partial, its rows are all summarized', () => {
  const badRequest: Fault = { kind: 'status', status: 400, code: 'unsupported_value' };
  const failedFolds = (code: string) => [
    [1, 'failed', code, 3],
    [2, 'failed', 'nothing_to_fold', 1],
  ];
  const failedRoot = (code: string) => [
    [1, 'ok', null, 3],
    [2, 'failed', code, 1],
  ];
  test.each<[string, Fault, (request: ChatRequest) => boolean, unknown[][]]>([
    ['400 at level 1', badRequest, isFold, failedFolds('unsupported_value')],
    ['400 at the root', badRequest, isRoot, failedRoot('unsupported_value')],
    ['a content filter at level 1', { kind: 'content-filter' }, isFold, failedFolds('content_filter')],
  ])('%s', async (_, fault, isMeant, levels) => {
    const { run, out } = await openCase((request) => (isMeant(request) ? fault : undefined));
    const ended = await run();
    expect(ended.code).toBe(3);
    expect(recordOf(ended)).toMatchObject({
      ...{ status: 'partial', rows_summarized: ROWS, rows_failed: 0, batches_failed: 0, summary: null, summary_key: null, levels: 3 },
      stop_reason: `summaries of summaries that lack some of theirs: ${levels[0]?.[1] === 'ok' ? 1 : 4}`,
    });
    expect(await statusesOf(out)).toEqual(levels);
  });

  test('a content filter at the root: what it takes in halves stands, one summary after the other', async () => {
    const { run, out } = await openCase((request) => (isRoot(request) ? { kind: 'content-filter' } : undefined));
    const ended = await run();
    expect(ended.code).toBe(0);
    // The whole and the merge of its halves are refused: the halves are the root.
    expect(String(recordOf(ended).summary).split('\n\n')).toHaveLength(2);
    expect(await statusesOf(out)).toEqual([
      [1, 'ok', null, 3],
      [2, 'ok', null, 1],
    ]);
  });

  test('a content filter at one summary: it is left out, the root says so, and a rerun asks nothing', async () => {
    const poison = 'Review 7:';
    const { run, out } = await openCase((request) =>
      mergedRows(request) > 0 && words(request).includes(poison) ? { kind: 'content-filter' } : undefined,
    );
    const ended = await run();
    expect(ended.code).toBe(3);
    expect(recordOf(ended)).toMatchObject({ status: 'partial', rows_failed: 0, summary: expect.any(String) });
    const { rows } = await query(
      out,
      'select level, batch_id, rows_failed, status from batch_summaries where level > 0 and rows_failed > 0 order by level',
    );
    expect(rows.map((row) => Object.values(row).map(String))).toEqual([
      ['1', '0', '1', 'partial'],
      ['2', '0', '1', 'partial'],
    ]);
    const { requests } = server.stats();
    expect(recordOf(await run())).toMatchObject({ status: 'partial', calls_this_attempt: 0, summary: recordOf(ended).summary });
    expect(server.stats().requests).toBe(requests);
  });

  test.each([
    ['a fold of level 1', isFold, failedFolds('model_unavailable'), 27],
    ['the root', isRoot, failedRoot('model_unavailable'), 9],
  ] as const)('503 nine times at %s', async (_, isMeant, levels, refusals) => {
    const { out, file } = await openCase((request) => (isMeant(request) ? { kind: 'status', status: 503 } : undefined));
    const clock: Clock = {
      now: Date.now,
      async sleep(seconds, signal) {
        // Pauses take no time here; only the time limit of the whole run waits for long.
        if (seconds >= 86_400 && signal) await once(signal, 'abort');
      },
    };
    const stores = localStores(out);
    const source = { bucket: 'input', key: 'reviews.csv', ...(await importFile(join(out, 'input'), file, 'reviews.csv')) };
    const upload = { source, dataset: 'default', endpoint: server.baseUrl, limit: null };
    const run = await claimNextAttempt(newRun(upload, [{ origin: 'test', values: { batchRows: 1 } }]), stores.work, clock);
    const record = await runLocally({
      ...{ run, out, stores, clock, concurrency: 8, model: { endpoint: server.baseUrl, apiKey: 'none' } },
      observer: { meter: new RunMeter(), planned() {}, waiting() {}, stepFailed() {}, log: { info() {}, warn() {} } },
    });
    expect(record).toMatchObject({ status: 'partial', rows_summarized: ROWS, rows_failed: 0, summary: null });
    expect(await statusesOf(out)).toEqual(levels);
    expect(server.stats().outcomes.status).toBe(refusals);
  });
});
