import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { newRun } from '../../functions/accept-upload/new-run.ts';
import type { Clock } from '../../functions/shared/ports.ts';
import { importFile } from '../../local/directory-store/import-file.ts';
import { claimNextAttempt } from '../../local/local-attempt.ts';
import { runLocally } from '../../local/local-run.ts';
import { localStores } from '../../local/local-stores.ts';
import type { Fault } from '../../local/model-server/faults.ts';
import { type ModelServer, startModelServer } from '../../local/model-server/model-server.ts';
import { query } from '../../local/query.ts';
import { RunMeter } from '../../local/run-meter.ts';
import { cleanUp, newFolder, reviewsCsv } from '../local/program.ts';

const BATCHES = 200;
/** Batches, two folds and the root. */
const SUMMARIES = BATCHES + 3;
const BATCH_ROWS = 10;
const CONCURRENCY = 16;
const SEEDS = [1, 20261123, 4_000_000_007];

/** Every way in which a call goes wrong by itself, but for the answer that never comes: its time-out takes a real minute. */
const passing: Fault[] = [
  { kind: 'status', status: 429, retryAfterSeconds: 1 },
  { kind: 'status', status: 429, retryAfterSeconds: 30 },
  { kind: 'status', status: 503, code: 'slow_down' },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 502 },
  { kind: 'status', status: 400, code: 'context_length_exceeded' },
  { kind: 'drop', when: 'before' },
  { kind: 'drop', when: 'after' },
  { kind: 'html' },
  { kind: 'truncated' },
  { kind: 'empty-choices' },
  { kind: 'empty' },
  { kind: 'length' },
  { kind: 'refusal' },
  { kind: 'content-filter' },
];
/** A summary that is refused, even once, stays out of its fold: folds meet only what another try cures. */
const refusals: (string | undefined)[] = ['empty', 'refusal', 'content-filter', 'context_length_exceeded'];
const isRefusal = (fault: Fault) => refusals.includes(fault.kind) || (fault.kind === 'status' && refusals.includes(fault.code));
const isFold = (messages: readonly { content?: unknown }[]) => String(messages.at(-1)?.content).startsWith('[{');

const quotaGone: Fault = { kind: 'status', status: 429, code: 'insufficient_quota', type: 'insufficient_quota' };

/** Longer than any pause between two tries: only the time limit of the whole run waits so long. */
const DAY_SECONDS = 86_400;

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

afterAll(cleanUp);

/** Time in which every pause is over at once. */
function jumpingClock(): Clock {
  let skippedMs = 0;
  return {
    now: () => Date.now() + Math.round(skippedMs),
    async sleep(seconds, signal) {
      if (seconds >= DAY_SECONDS && signal) await once(signal, 'abort');
      else skippedMs += seconds * 1000;
    },
  };
}

const closing = (server: ModelServer) => Object.assign(server, { [Symbol.asyncDispose]: () => server.close() });

/** Attempts of one run until it is complete, at a server of which one call in five fails. */
async function runUntilComplete(seed: number, faults: readonly Fault[]) {
  const random = randomFrom(seed);
  /** How often each request had an answer that arrived whole. */
  const whole = new Map<string, number>();
  let failed = 0;
  await using server = closing(
    await startModelServer({
      faults: (_, { messages }) => {
        const drawn = random() < 0.2 ? faults[Math.floor(random() * faults.length)] : undefined;
        const fault = drawn && isFold(messages) && isRefusal(drawn) ? undefined : drawn;
        if (fault) failed++;
        const body = JSON.stringify(messages);
        if (fault === undefined || fault.kind === 'length') whole.set(body, (whole.get(body) ?? 0) + 1);
        return fault;
      },
    }),
  );
  const out = newFolder();
  const file = join(out, 'reviews.csv');
  writeFileSync(file, reviewsCsv(BATCHES * BATCH_ROWS));
  const stores = localStores(out);
  const clock = jumpingClock();
  const source = { bucket: 'input', key: 'reviews.csv', ...(await importFile(join(out, 'input'), file, 'reviews.csv')) };
  const upload = { source, dataset: 'default', endpoint: server.baseUrl, limit: null };
  const statuses: unknown[] = [];
  let record: Awaited<ReturnType<typeof runLocally>>;
  do {
    const run = await claimNextAttempt(newRun(upload, [{ origin: 'test', values: { batchRows: BATCH_ROWS } }]), stores.work, clock);
    record = await runLocally({
      ...{ run, out, stores, clock, concurrency: CONCURRENCY, model: { endpoint: server.baseUrl, apiKey: 'none' } },
      observer: { meter: new RunMeter(), planned() {}, waiting() {}, stepFailed() {}, log: { info() {}, warn() {} } },
    });
    statuses.push(record?.status);
  } while (record?.status !== 'complete' && statuses.length < 40);
  return { out, record, statuses, failed, whole, stats: server.stats() };
}

test.each(SEEDS)(
  'one call in five fails in every way that passes (seed %i): all rows are summarized, no answer is paid twice',
  async (seed) => {
    const { out, record, statuses, failed, whole, stats } = await runUntilComplete(seed, passing);
    process.stdout.write(`seed ${seed}: ${stats.requests} calls, ${failed} failed, attempts ${statuses.join(', ')}\n`);
    expect(record).toMatchObject({ status: 'complete', rows_summarized: BATCHES * BATCH_ROWS, rows_failed: 0 });
    expect([...whole.values()].filter((times) => times > 1)).toEqual([]);
    expect(failed).toBeGreaterThan(BATCHES / 6);
    // Each answer that arrived whole is counted as a call once, and nothing else is.
    expect(record?.calls).toBe(whole.size);
    const { rows } = await query(
      out,
      `select count(*) as n, count(summary) as summaries, count(distinct row_number) as "rows",
     (select count(*) from batch_summaries where status = 'ok') as ok from row_summaries`,
    );
    expect(rows).toEqual([{ n: 2_000, summaries: 2_000, rows: 2_000, ok: SUMMARIES }]);
  },
);

test.each(SEEDS)('so do halts (seed %i): started again after each, the run ends complete and pays no answer twice', async (seed) => {
  const { record, statuses, whole, stats } = await runUntilComplete(seed, [...passing, quotaGone]);
  process.stdout.write(`seed ${seed}: ${stats.requests} calls, ${statuses.length} attempts\n`);
  expect(statuses.filter((status) => status === 'halted').length).toBeGreaterThan(0);
  expect(record).toMatchObject({ status: 'complete', rows_summarized: BATCHES * BATCH_ROWS, rows_failed: 0, calls: whole.size });
  expect([...whole.values()].filter((times) => times > 1)).toEqual([]);
});
