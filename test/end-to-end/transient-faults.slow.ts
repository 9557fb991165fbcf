import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import type { Fault } from '../../local/model-server/faults.ts';
import { startModelServer } from '../../local/model-server/model-server.ts';
import { query } from '../../local/query.ts';
import { cleanUp, endpointEnv, newFolder, recordOf, reviewsCsv, runProgram } from '../local/program.ts';

const BATCHES = 100;
/** And the one fold of them, the root. */
const CALLS = BATCHES + 1;
/** What passes: one of these on every fifth call. */
const transient: Fault[] = [
  { kind: 'status', status: 500 },
  { kind: 'status', status: 429, retryAfterSeconds: 1 },
  { kind: 'drop', when: 'before' },
  { kind: 'status', status: 503 },
  { kind: 'drop', when: 'after' },
  { kind: 'html' },
  { kind: 'truncated' },
  { kind: 'status', status: 429, retryAfterSeconds: 6 },
  { kind: 'empty-choices' },
];

afterAll(cleanUp);

test('with trouble on one call in five all rows are summarized, and no batch that got a whole answer is asked again', async () => {
  const answeredWhole: string[] = [];
  const server = await startModelServer({
    faults: (requestIndex, { messages }) => {
      if (requestIndex % 5 === 2) return transient[Math.floor(requestIndex / 5) % transient.length];
      answeredWhole.push(messages.at(-1)!.content as string);
      return undefined;
    },
  });
  const folder = newFolder();
  const file = join(folder, 'reviews.csv');
  const out = join(folder, 'out');
  writeFileSync(file, reviewsCsv(BATCHES * 10));
  const ended = await runProgram(['run', file, '--batch-size', '10', '--json', '--out', out], { env: endpointEnv(server) });
  const { requests, answers, outcomes } = server.stats();
  process.stdout.write(`${requests} requests, ${answers} answers generated: ${JSON.stringify(outcomes)}\n`);
  expect(ended.code).toBe(0);
  expect(recordOf(ended)).toMatchObject({ status: 'complete', rows_summarized: 1000, rows_failed: 0, calls: CALLS });
  expect(answeredWhole).toHaveLength(CALLS);
  expect(new Set(answeredWhole).size).toBe(CALLS);
  expect(requests).toBeGreaterThan(CALLS + 20);
  const { rows } = await query(out, "select count(*) as n from batch_summaries where status = 'ok' and summary is not null");
  expect(rows).toEqual([{ n: CALLS }]);
  await server.close();
});
