import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { Fault } from '../../local/model-server/faults.ts';
import { type ModelServer, startModelServer } from '../../local/model-server/model-server.ts';
import { query } from '../../local/query.ts';
import { callProgram } from '../local/in-process.ts';
import { cleanUp, endpointEnv, newFolder, recordOf, reviewsCsv } from '../local/program.ts';

// Each command is a process of its own, a second or more on a busy machine.
jest.setTimeout(120_000);

let server: ModelServer;
/** What becomes of a request; its rows by their numbers, none of a fold. */
let faultOf: (rows: number[]) => Fault | undefined;
let out: string;
let file: string;
beforeEach(async () => {
  faultOf = () => undefined;
  server = await startModelServer({
    faults: (_, { messages }) =>
      faultOf([...String(messages.at(-1)?.content).matchAll(/"Review (\d+):/g)].map((match) => Number(match[1]))),
  });
  const folder = newFolder();
  out = join(folder, 'out');
  file = join(folder, 'reviews.csv');
  // 60 rows, stars 0 to 4 in turn: five groups of twelve rows, three batches and a fold each, and the root.
  writeFileSync(file, reviewsCsv(60));
});
afterEach(() => server.close());
afterAll(cleanUp);

const flags = () => ['--json', '--out', out];
const run = (...more: string[]) =>
  callProgram(['run', file, '--group-column', 'stars', '--batch-size', '4', ...flags(), ...more], { env: endpointEnv(server) });
const groups = async () =>
  (await query(out, 'select group_key, status, rows_failed, summary, cost_usd from group_summaries order by group_key')).rows;

test('a batch that fails costs its own group alone; a redrive mends that group and pays for it and the root, nothing else', async () => {
  // The first batch of the group of three stars: rows 3, 8, 13, 18.
  faultOf = (rows) => (rows.includes(3) ? { kind: 'status', status: 400 } : undefined);
  const failed = await run();
  expect(failed.code).toBe(3);
  expect(recordOf(failed)).toMatchObject({
    status: 'partial',
    groups: 5,
    rows_failed: 4,
    batches: 15,
    batches_failed: 1,
    calls: 14 + 5 + 1,
  });
  const before = await groups();
  expect(before.map(({ group_key: key, status, rows_failed: rows }) => [key, status, rows])).toEqual([
    ['0', 'ok', 0],
    ['1', 'ok', 0],
    ['2', 'ok', 0],
    ['3', 'partial', 4],
    ['4', 'ok', 0],
  ]);

  faultOf = () => undefined;
  const mended = await callProgram(['redrive', ...flags()], { env: endpointEnv(server) });
  expect(mended.code).toBe(0);
  // The batch, its group's fold, the root.
  expect(recordOf(mended)).toMatchObject({ status: 'complete', rows_failed: 0, calls: 20 + 3, calls_this_attempt: 3 });
  const after = await groups();
  expect(after.map(({ status, rows_failed: rows }) => [status, rows])).toEqual(Array(5).fill(['ok', 0]));
  for (const key of [0, 1, 2, 4]) expect(after[key]).toEqual(before[key]);
  expect(Number(after[3]?.cost_usd)).toBeGreaterThan(Number(before[3]?.cost_usd));
  const { rows } = await query(
    out,
    `select (select sum(cost_usd) from group_summaries) + (select sum(cost_usd) from batch_summaries where group_key is null) as parts,
       (select cost_usd from runs) as run`,
  );
  expect(Number(rows[0]?.parts)).toBeCloseTo(Number(rows[0]?.run), 12);
});

test('a grouped run that is halted at its cap shows the groups that are done, and goes on with a higher one', async () => {
  const halted = recordOf(await run('--max-cost-usd', '0.0006', '--concurrency', '1'));
  expect(halted).toMatchObject({ status: 'halted', groups: 5 });
  const done = (await groups()).filter(({ summary }) => summary !== null);
  expect(done.length).toBeLessThan(5);
  const ended = await callProgram(['redrive', ...flags(), '--max-cost-usd', '1'], { env: endpointEnv(server) });
  expect(recordOf(ended)).toMatchObject({ status: 'complete', rows_summarized: 60, calls: 15 + 5 + 1 });
  expect((await groups()).map(({ status }) => status)).toEqual(Array(5).fill('ok'));
  expect(server.stats().answers).toBe(21);
});

test('groups of the same words in another file version cost nothing: only the group that grew is asked for', async () => {
  expect(recordOf(await run())).toMatchObject({ calls: 21 });
  writeFileSync(file, `${reviewsCsv(60)}r60,"Review 60: it broke.",0\n`);
  // The group's new last batch, its fold, the root.
  expect(recordOf(await run())).toMatchObject({ status: 'complete', rows_summarized: 61, calls: 3 });
});
