import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals';
import { type ModelServer, startModelServer } from '../../local/model-server/model-server.ts';
import { query } from '../../local/query.ts';
import { cleanUp, endpointEnv, newFolder, recordOf, reviewsCsv, runProgram, startProgram } from '../local/program.ts';

const BATCHES = 400;
const BATCH_ROWS = 10;
const ROWS = BATCHES * BATCH_ROWS;
const CONCURRENCY = 8;
/** Runs by how often they are killed at any moment, and after that at the first fold that is asked for. */
const KINDS = [
  // Batches, four folds of a hundred, and the root.
  { kind: 'a run', seed: 20261123, kills: 20, foldKills: 4, flags: [], calls: BATCHES + 5, groups: null },
  // Five groups of eighty batches, a fold each, and the root.
  { kind: 'a grouped run', seed: 20261126, kills: 8, foldKills: 2, flags: ['--group-column', 'stars'], calls: BATCHES + 6, groups: 5 },
];

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

test.each(KINDS)(
  'killed at random moments (seed $seed) and started again, $kind ends complete and pays only for what was in flight',
  async ({ seed, kills: killsOfAll, foldKills, flags, calls, groups }) => {
    const random = randomFrom(seed);
    latency = () => 5 + 40 * random();
    const folder = newFolder();
    const out = join(folder, 'out');
    const file = join(folder, 'reviews.csv');
    writeFileSync(file, reviewsCsv(ROWS));
    const args = ['run', file, '--batch-size', `${BATCH_ROWS}`, '--concurrency', `${CONCURRENCY}`, '--json', '--out', out, ...flags];
    const options = { env: endpointEnv(server) };

    let kills = 0;
    for (let isOver = false; !isOver; ) {
      // From the plan, before any call, on; then among the folds; after the last kill the run is left to come to its end.
      const deadlyRequest = kills < killsOfAll ? Math.floor(random() * 13) : Number.POSITIVE_INFINITY;
      const isFoldDeadly = kills >= killsOfAll && kills < killsOfAll + foldKills;
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
    expect(recordOf(ended)).toMatchObject({ status: 'complete', rows_in: ROWS, rows_summarized: ROWS, batches: BATCHES, calls, groups });
    expect(server.stats().answers).toBe(paidBefore);
    process.stdout.write(`seed ${seed}: ${kills} kills, ${paidBefore} answers paid for ${calls} calls\n`);
    expect(kills).toBe(killsOfAll + foldKills);
    expect(paidBefore).toBeLessThanOrEqual(calls + kills * CONCURRENCY);
    const { rows } = await query(
      out,
      `select count(*) as n, count(distinct row_number) as "rows", count(summary) as summaries, count(distinct batch_id) as batches,
       (select count(*) from batch_summaries where status = 'ok') as ok from row_summaries`,
    );
    expect(rows).toEqual([{ n: ROWS, rows: ROWS, summaries: ROWS, batches: BATCHES, ok: calls }]);
    const { rows: shown } = await query(out, 'select count(*) as n, sum(row_count) as "rows" from group_summaries where status = \'ok\'');
    expect(shown).toEqual([{ n: groups ?? 0, rows: groups === null ? null : ROWS }]);
  },
);
