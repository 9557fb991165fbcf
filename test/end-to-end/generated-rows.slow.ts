import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { type ModelServer, startModelServer } from '../../local/model-server/model-server.ts';
import { query } from '../../local/query.ts';
import { cleanUp, type Ended, endpointEnv, newFolder, recordOf, reviewsCsv, runProgram, tableHashes } from '../local/program.ts';

// Each run is a process of its own, a second or more on a busy machine.
jest.setTimeout(60_000);

const ROWS = 10_050;
const textOf = (row: number) => `Review ${row}: the lid, the handle and the price were fine.`;
/** An answer that only these rows can have. */
const digest = (texts: readonly string[]) => createHash('sha256').update(JSON.stringify(texts)).digest('hex');

let server: ModelServer;
let out: string;
let first: Ended;
let hashes: Record<string, string>;
let again: Ended;
beforeAll(async () => {
  server = await startModelServer({ record: true, answer: digest });
  const folder = newFolder();
  out = join(folder, 'out');
  const file = join(folder, 'generated.csv');
  writeFileSync(file, reviewsCsv(ROWS));
  const args = ['run', file, '--json', '--out', out];
  first = await runProgram(args, { env: endpointEnv(server) });
  hashes = tableHashes(out);
  again = await runProgram(args, { env: endpointEnv(server) });
});
afterAll(async () => {
  await server.close();
  cleanUp();
});

test('10,050 rows are 101 calls, of 100 rows each and the last of 50, and each row is sent exactly once', () => {
  expect(first.code).toBe(0);
  const requests = server.requests!.map(({ messages }) => JSON.parse(messages.at(-1)!.content as string) as (string | object)[]);
  const sent = requests.filter((parts) => typeof parts[0] === 'string') as string[][];
  expect(sent).toHaveLength(101);
  expect(sent.map((texts) => texts.length).sort((one, other) => one - other)).toEqual([50, ...Array(100).fill(100)]);
  const texts = sent.flat();
  expect(texts).toHaveLength(ROWS);
  expect(new Set(texts)).toEqual(new Set(Array.from({ length: ROWS }, (_, row) => textOf(row))));
});

test('every row is joined to the summary of the very rows that its call held', async () => {
  const { rows } = await query(out, 'select row_number, id, text, batch_id, summary, status from row_summaries order by row_number');
  const digests = Array.from({ length: 101 }, (_, batch) =>
    digest(Array.from({ length: batch < 100 ? 100 : 50 }, (_, row) => textOf(batch * 100 + row))),
  );
  expect(rows).toEqual(
    Array.from({ length: ROWS }, (_, row) => {
      const batch = Math.floor(row / 100);
      return { row_number: row, id: `r${row}`, text: textOf(row), batch_id: batch, summary: digests[batch], status: 'ok' };
    }),
  );
});

test('the run has the same figures as the endpoint', () => {
  const { inputTokens, outputTokens } = server.stats();
  expect(recordOf(first)).toMatchObject({
    status: 'complete',
    rows_in: ROWS,
    rows_summarized: ROWS,
    batches: 101,
    calls: 103,
    levels: 3,
    input_tokens: inputTokens,
    output_tokens: outputTokens,
  });
  expect(Number(recordOf(first).cost_usd)).toBeCloseTo((inputTokens * 0.1 + outputTokens * 0.5) / 1_000_000, 9);
});

test('run again: no call, the same tables to the byte', () => {
  expect(again.code).toBe(0);
  expect(recordOf(again)).toMatchObject({ calls: 103, calls_this_attempt: 0, rows_summarized: ROWS });
  expect(server.stats().requests).toBe(103);
  expect(Object.keys(hashes)).not.toHaveLength(0);
  expect(tableHashes(out)).toEqual(hashes);
});
