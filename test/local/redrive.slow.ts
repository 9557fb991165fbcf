import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { claimAttempt, readAttempt, readClosedAttempt } from '../../functions/shared/attempt.ts';
import { attemptKey } from '../../functions/shared/object-keys.ts';
import { localStores } from '../../local/local-stores.ts';
import { importUpload, localUpload } from '../../local/local-upload.ts';
import type { ChatRequest } from '../../local/model-server/completion.ts';
import type { Fault } from '../../local/model-server/faults.ts';
import { type ModelServer, startModelServer } from '../../local/model-server/model-server.ts';
import { query } from '../../local/query.ts';
import { type HeldEndpoint, heldEndpoint } from './held-endpoint.ts';
import { callProgram } from './in-process.ts';
import { cleanUp, endpointEnv, newFolder, recordOf, reviewsCsv, startProgram } from './program.ts';

// Each command is a process of its own, a second or more on a busy machine.
jest.setTimeout(120_000);

// Five batches of ten rows, the last of five; each test chooses the server's trouble.
let server: ModelServer;
let held: HeldEndpoint | undefined;
let faultOf: (batch: number, request: ChatRequest) => Fault | undefined;
let folder: string;
let file: string;
let out: string;
const batchOf = (request: ChatRequest) => Math.floor(Number(/Review (\d+)/.exec(request.messages[1]!.content as string)![1]) / 10);
beforeEach(async () => {
  faultOf = () => undefined;
  server = await startModelServer({ faults: (_, request) => faultOf(batchOf(request), request) });
  folder = newFolder();
  file = join(folder, 'reviews.csv');
  out = join(folder, 'out');
  writeFileSync(file, reviewsCsv(45));
});
afterEach(async () => {
  await server.close();
  await held?.close();
  held = undefined;
});
afterAll(cleanUp);

// Without roll-up: what is counted here is batches.
const runArgs = (...flags: string[]) => ['run', file, '--batch-size', '10', '--roll-up', 'false', '--json', '--out', out, ...flags];
const run = (...flags: string[]) => callProgram(runArgs(...flags), { env: endpointEnv(server) });
const redrive = (args: string[] = [], env: Record<string, string> = endpointEnv(server)) =>
  callProgram(['redrive', ...args, '--json', '--out', out], { env });
const status = async (...args: string[]) => {
  const { stdout } = await callProgram(['status', ...args, '--json', '--out', out]);
  return JSON.parse(stdout);
};
const badRequest: Fault = { kind: 'status', status: 400 };
const refusedOf = async (args: string[], env?: Record<string, string>) => {
  const { code, stdout, stderr } = await redrive(args, env);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  return stderr;
};

test('a run that was halted at its cap goes on with a higher one, without the file, and pays only for the rest', async () => {
  const halted = recordOf(await run('--max-cost-usd', '0.00025', '--concurrency', '1'));
  expect(halted.status).toBe('halted');
  const paid = Number(halted.calls);
  expect(paid).toBeGreaterThan(0);
  expect(paid).toBeLessThan(5);
  rmSync(file);

  const detail = await status();
  expect(detail).toEqual([expect.objectContaining({ run_id: halted.run_id, status: 'halted', attempt: 1, calls: paid, rows_in: 45 })]);
  const shown = (await callProgram(['status', String(halted.run_id), '--out', out])).stdout;
  expect(shown).toContain(`Go on with a higher cap: npm run redrive -- ${halted.run_id} --out ${out} --max-cost-usd N`);

  const ended = await redrive([String(halted.run_id), '--max-cost-usd', '1']);
  expect(ended.code).toBe(0);
  expect(recordOf(ended)).toMatchObject({ run_id: halted.run_id, status: 'complete', calls: 5, calls_this_attempt: 5 - paid });
  expect(JSON.parse(String(recordOf(ended).settings))).toMatchObject({ batchRows: 10, maxCostUsd: 1 });
  expect(server.stats().answers).toBe(5);
  const { attempts, ...whole } = await status(String(halted.run_id));
  expect(whole).toMatchObject({ status: 'complete', settings: { batchRows: 10, maxCostUsd: 1 }, stop_reason: null });
  expect(attempts).toMatchObject([
    { attempt: 1, status: 'halted' },
    { attempt: 2, status: 'complete' },
  ]);
});

test('settings outside the identity stay as the latest attempt had them, unless they are changed', async () => {
  faultOf = (batch) => (batch === 1 ? badRequest : undefined);
  const record = recordOf(await run('--max-cost-usd', '2', '--tolerated-failure-percentage', '90'));
  await redrive([String(record.run_id), '--tolerated-failure-percentage', '50', '--requests-per-minute', '60000']);
  faultOf = () => undefined;
  const ended = recordOf(await redrive([String(record.run_id), '--max-cost-usd', '3']));
  expect(ended).toMatchObject({ status: 'complete', calls: 5, calls_this_attempt: 1 });
  expect(JSON.parse(String(ended.settings))).toMatchObject({
    ...{ maxCostUsd: 3, toleratedFailurePercentage: 50, requestsPerMinute: 60_000, batchRows: 10 },
  });
});

test('a partial run whose bad batches are cured ends complete, one call for each; by the beginning of its id', async () => {
  faultOf = (batch) => (batch === 1 || batch === 3 ? badRequest : undefined);
  const partial = recordOf(await run());
  expect(partial).toMatchObject({ status: 'partial', batches_failed: 2, calls: 3 });
  faultOf = (batch) => (batch === 3 ? badRequest : undefined);
  const better = await redrive(['reviews']);
  expect(better.code).toBe(3);
  expect(recordOf(better)).toMatchObject({ status: 'partial', batches_failed: 1, calls: 4, calls_this_attempt: 1 });
  faultOf = () => undefined;
  const cured = await redrive();
  expect(cured.code).toBe(0);
  expect(recordOf(cured)).toMatchObject({ run_id: partial.run_id, status: 'complete', calls: 5, calls_this_attempt: 1 });
  expect(server.stats().answers).toBe(5);
  const { rows } = await query(
    out,
    'select count(*) as n, count(distinct row_number) as "rows", count(summary) as summaries from row_summaries',
  );
  expect(rows).toEqual([{ n: 45, rows: 45, summaries: 45 }]);
});

test('rows that the model refused out of a batch with a summary stay so, at no cost, and that is said', async () => {
  const poison = (request: ChatRequest) => /Review 13:/.test(request.messages[1]!.content as string);
  faultOf = (_, request) => (poison(request) ? { kind: 'content-filter' } : undefined);
  expect(recordOf(await run())).toMatchObject({ status: 'partial', batches_failed: 0, rows_failed: 1 });
  const { answers } = server.stats();
  faultOf = () => undefined;
  const again = await redrive();
  expect(again.stderr).toContain('Note: no batch failed as a whole; the 1 failed rows had no answer that serves, and stay so in this run.');
  expect(recordOf(again)).toMatchObject({ status: 'partial', rows_failed: 1, calls_this_attempt: 0 });
  expect(server.stats().answers).toBe(answers);
});

test('a run whose process was killed is taken up; while it lives it is refused', async () => {
  held = await heldEndpoint();
  const program = startProgram(runArgs('--concurrency', '2'), { env: endpointEnv(held) });
  await program.until(held.arrived(2));
  held.calls[0]!.release();
  await program.until(held.arrived(3));
  expect(await refusedOf([], endpointEnv(held))).toBe(`There is nothing to redrive in ${out}.\n`);
  expect(await refusedOf(['reviews'], endpointEnv(held))).toBe(
    `Process ${program.child.pid} is working on this very run. Wait until it ends, or stop it (kill ${program.child.pid}) and run again.\n`,
  );
  const running = await status();
  expect(running).toMatchObject([{ status: 'running', attempt: 1, progress: [{ level: 0, batches_done: 1, batches_planned: 5 }] }]);
  program.child.kill('SIGKILL');
  await program.ended;
  rmSync(file);
  expect(await status('reviews')).toMatchObject({ status: 'aborted', progress: null, stop_reason: 'its owner ended without closing it' });

  held.releaseAll();
  const ended = await redrive([], endpointEnv(held));
  expect(ended.code).toBe(0);
  expect(recordOf(ended)).toMatchObject({ status: 'complete', calls: 5, calls_this_attempt: 4, rows_summarized: 45 });
  const runId = String(recordOf(ended).run_id);
  expect(await readClosedAttempt(localStores(out).work, runId, 1)).toMatchObject({ status: 'aborted' });
});

/** What a process leaves that dies between its claim and its plan. */
async function claimOfTheDead(path: string, limit?: number) {
  const upload = localUpload(path, server.baseUrl, { settings: { batchRows: 10 }, ...(limit && { limit }) });
  const { work } = localStores(out);
  const claimed = await importUpload(upload, out, work);
  await claimAttempt(work, claimed.runId, { ...claimed, owner: 'process:4194399@1', acceptedAt: '2026-11-23T10:00:00.000Z' });
  return { runId: claimed.runId, work };
}

test('a run that died before it was planned is taken up from its claim: upload, dataset, settings and limit', async () => {
  const { runId } = await claimOfTheDead(file, 25);
  rmSync(file);
  const ended = await redrive([runId]);
  expect(ended.code).toBe(0);
  expect(recordOf(ended)).toMatchObject({
    run_id: runId,
    status: 'complete',
    rows_in: 25,
    batches: 3,
    started_at: '2026-11-23T10:00:00.000Z',
  });
});

test('so is that of a folder', async () => {
  const parts = join(folder, 'export');
  mkdirSync(parts);
  for (const part of [0, 1]) writeFileSync(join(parts, `part-${part}.csv`), reviewsCsv(10, 10 * part));
  const { runId } = await claimOfTheDead(parts);
  rmSync(parts, { recursive: true });
  expect(recordOf(await redrive([runId]))).toMatchObject({ run_id: runId, status: 'complete', rows_in: 20, source_key: 'default/export/' });
});

test('one that was not planned and whose upload was replaced, or whose claim an older version wrote, is refused', async () => {
  const { runId, work } = await claimOfTheDead(file);
  writeFileSync(file, reviewsCsv(12));
  expect(recordOf(await run()).status).toBe('complete');
  expect(await refusedOf([runId])).toMatch(/^What run reviews-\w+ reads is gone or was replaced \(.*\): run the file again\.\n$/);

  const { settings, owner, acceptedAt } = (await readAttempt(work, runId, 1))!;
  await work.put(attemptKey(runId, 1), JSON.stringify({ attempt: 1, owner, acceptedAt, settings }));
  expect(await refusedOf([runId])).toBe(
    `Run ${runId} was started by an older version and never planned, so nothing says what it reads: run its file again.\n`,
  );
});

test('a planned run goes on though its first claim is of an older version', async () => {
  faultOf = (batch) => (batch === 1 ? badRequest : undefined);
  const runId = String(recordOf(await run('--max-cost-usd', '2')).run_id);
  const { work } = localStores(out);
  const { settings, owner, acceptedAt } = (await readAttempt(work, runId, 1))!;
  await work.put(attemptKey(runId, 1), JSON.stringify({ attempt: 1, owner, acceptedAt, settings }));
  faultOf = () => undefined;
  const ended = recordOf(await redrive([runId]));
  expect(ended).toMatchObject({ status: 'complete', calls_this_attempt: 1 });
  expect(JSON.parse(String(ended.settings)).maxCostUsd).toBe(2);
});

test('of two redrives at once exactly one works, and the other is told', async () => {
  faultOf = (batch) => (batch >= 2 ? badRequest : undefined);
  const runId = String(recordOf(await run()).run_id);
  const arrived = Promise.withResolvers<void>();
  faultOf = () => {
    arrived.resolve();
    return { kind: 'hang' };
  };
  const programs = [1, 2].map(() => startProgram(['redrive', runId, '--json', '--out', out], { env: endpointEnv(server) }));
  const loser = await Promise.race(programs.map(({ ended }, index) => ended.then((ended) => ({ index, ended }))));
  expect(loser.ended).toMatchObject({ code: 2, stdout: '' });
  const winner = programs[1 - loser.index]!;
  expect([
    `Process ${winner.child.pid} is working on this very run. Wait until it ends, or stop it (kill ${winner.child.pid}) and run again.\n`,
    `Somebody else has started attempt 2 of ${runId} just now: nothing was done here.\n`,
  ]).toContain(loser.ended.stderr);
  await winner.until(arrived.promise);
  winner.child.kill('SIGKILL');
  await winner.ended;
  expect(readdirSync(join(out, 'work', 'runs', runId, 'attempts')).filter((name) => /^\d+\.json$/.test(name))).toEqual([
    '1.json',
    '2.json',
  ]);
});

test('refused with a sentence: what is complete, was rejected, asks another endpoint or does not exist', async () => {
  const complete = String(recordOf(await run()).run_id);
  expect(await refusedOf([complete])).toBe(`Run ${complete} is complete and nothing of it failed: there is nothing to redrive.\n`);
  expect(await refusedOf([])).toBe(`There is nothing to redrive in ${out}.\n`);
  expect(await refusedOf(['nobody'])).toBe(`There is no run nobody in ${out}.\n`);
  expect(await refusedOf(['../reviews'])).toBe(`There is no run ../reviews in ${out}.\n`);

  // Other words: an answer that the first run paid for would serve.
  faultOf = (batch) => (batch === 11 ? badRequest : undefined);
  writeFileSync(file, reviewsCsv(20, 100));
  const partial = String(recordOf(await run()).run_id);
  expect(await refusedOf(['reviews'])).toBe(
    `Several runs begin with reviews; name one of them:\n${[complete, partial].toSorted().join('\n')}\n`,
  );
  for (const [env, asked] of [
    [{}, 'the offline model server'],
    [{ OPENAI_API_KEY: 'key' }, 'https://api.openai.com/v1'],
  ] as const) {
    expect(await refusedOf([partial], env)).toBe(
      `Run ${partial} asks ${server.baseUrl}, but this command would ask ${asked}: set OPENAI_BASE_URL to the run's endpoint, with its key, or run the file again.\n`,
    );
  }
  expect(await refusedOf([partial, '--requests-per-minute', '0'])).toContain('requestsPerMinute: must be a whole number from 1 on');
  expect(await refusedOf([partial, '--batch-size', '5'])).toContain("unknown option '--batch-size'");
  expect(existsSync(join(out, 'work', attemptKey(partial, 2)))).toBe(false);

  writeFileSync(join(folder, 'empty.csv'), '');
  const rejected = await callProgram(['run', join(folder, 'empty.csv'), '--json', '--out', out], { env: endpointEnv(server) });
  const { run_id: emptyId, stop_reason: reason } = recordOf(rejected);
  expect(await refusedOf(['empty'])).toBe(
    `Run ${emptyId} was rejected (${reason}): there is nothing to redrive; mend the file and start a run of it.\n`,
  );
});

test('a run that was rejected because its cap paid for no call is mended by a higher one', async () => {
  const rejected = recordOf(await run('--max-cost-usd', '0.0000001'));
  expect(rejected.status).toBe('rejected');
  expect(await refusedOf(['reviews'])).toMatch(/: give a higher --max-cost-usd\.\n$/);
  const ended = recordOf(await redrive(['reviews', '--max-cost-usd', '1']));
  expect(ended).toMatchObject({ run_id: rejected.run_id, status: 'complete', calls: 5 });
});

test('without RUN the only one that can be taken up; where there are several they are listed, the newest first', async () => {
  faultOf = (batch) => (batch === 1 || batch === 11 ? badRequest : undefined);
  const older = String(recordOf(await run()).run_id);
  writeFileSync(file, reviewsCsv(30, 100));
  const newer = String(recordOf(await run()).run_id);
  expect(await refusedOf([])).toBe(
    `Several runs can be taken up; name one of them, the newest is first:\n  ${newer}  partial  reviews.csv\n  ${older}  partial  reviews.csv\n`,
  );
  const listed = await status('reviews');
  expect(listed.map(({ run_id }: { run_id: string }) => run_id)).toEqual([newer, older]);
  faultOf = () => undefined;
  await redrive([older]);
  expect(recordOf(await redrive())).toMatchObject({ run_id: newer, status: 'complete', calls_this_attempt: 1 });
});

test('an offline run goes on offline, whatever key is set', async () => {
  const { runId, work } = await claimOfTheDead(file);
  const claim = JSON.parse(readFileSync(join(out, 'work', attemptKey(runId, 1)), 'utf8'));
  await work.put(attemptKey(runId, 1), JSON.stringify({ ...claim, endpoint: 'offline' }));
  expect(recordOf(await redrive([runId]))).toMatchObject({ status: 'complete', model: 'offline-extractive' });
  expect(server.stats().answers).toBe(0);
});
