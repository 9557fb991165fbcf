import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals';
import { type ModelServer, startModelServer } from '../../local/model-server/model-server.ts';
import { query } from '../../local/query.ts';
import { cleanUp, endpointEnv, newFolder, recordOf, reviewsCsv, runProgram, startProgram } from '../local/program.ts';

const BATCHES = 400;
/** Batches, four folds of a hundred, and the root. */
const CALLS = BATCHES + 5;
const KILLS = 20;
/** Kills after those, at the first fold that is asked for. */
const FOLD_KILLS = 4;
const BATCH_ROWS = 10;
const ROWS = BATCHES * BATCH_ROWS;
const CONCURRENCY = 8;
const SEEDS = [20261123];

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

let server: ModelServer;
let onRequest: (isFold: boolean) => void;
let latency: () => number;
beforeEach(async () => {
  server = await startModelServer({
    latencyMs: () => latency(),
    faults: (_, { messages }) => {
      onRequest(String(messages.at(-1)?.content).startsWith('[{'));
      return undefined;
    },
  });
});
afterEach(() => server.close());
afterAll(cleanUp);

test.each(SEEDS)(
  'killed at random moments (seed %i) and started again, a run ends complete and pays only for what was in flight',
  async (seed) => {
    const random = randomFrom(seed);
    latency = () => 5 + 40 * random();
    const folder = newFolder();
    const out = join(folder, 'out');
    const file = join(folder, 'reviews.csv');
    writeFileSync(file, reviewsCsv(ROWS));
    const args = ['run', file, '--batch-size', `${BATCH_ROWS}`, '--concurrency', `${CONCURRENCY}`, '--json', '--out', out];
    const options = { env: endpointEnv(server) };

    let kills = 0;
    for (let isOver = false; !isOver; ) {
      // From the plan, before any call, on; then among the folds; after the last kill the run is left to come to its end.
      const deadlyRequest = kills < KILLS ? Math.floor(random() * 13) : Number.POSITIVE_INFINITY;
      const isFoldDeadly = kills >= KILLS && kills < KILLS + FOLD_KILLS;
      const delayMs = 20 * random();
      let requests = 0;
      const program = startProgram(args, options);
      const kill = () => setTimeout(() => program.child.kill('SIGKILL'), delayMs);
      onRequest = (isFold) => {
        if (++requests === deadlyRequest) kill();
        if (isFold && isFoldDeadly) program.child.kill('SIGKILL');
      };
      if (deadlyRequest === 0) program.says('at most').then(kill, () => {});
      const ended = await program.ended;
      if (ended.signal === 'SIGKILL') kills++;
      else expect(ended.code).toBe(0);
      isOver = ended.code === 0;
    }

    onRequest = () => {};
    const paidBefore = server.stats().answers;
    const ended = await runProgram(args, options);
    expect(recordOf(ended)).toMatchObject({ status: 'complete', rows_in: ROWS, rows_summarized: ROWS, batches: BATCHES, calls: CALLS });
    expect(server.stats().answers).toBe(paidBefore);
    process.stdout.write(`seed ${seed}: ${kills} kills, ${paidBefore} answers paid for ${CALLS} calls\n`);
    expect(kills).toBe(KILLS + FOLD_KILLS);
    expect(paidBefore).toBeLessThanOrEqual(CALLS + kills * CONCURRENCY);
    const { rows } = await query(
      out,
      `select count(*) as n, count(distinct row_number) as "rows", count(summary) as summaries, count(distinct batch_id) as batches,
       (select count(*) from batch_summaries where status = 'ok') as ok from row_summaries`,
    );
    expect(rows).toEqual([{ n: ROWS, rows: ROWS, summaries: ROWS, batches: BATCHES, ok: CALLS }]);
  },
);
