import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { type ModelServer, startModelServer } from '../../local/model-server/model-server.ts';
import { query } from '../../local/query.ts';
import { cleanUp, type Ended, endpointEnv, newFolder, recordOf, runProgram, tableHashes } from './program.ts';

// Each run is a process of its own, a second or more on a busy machine.
jest.setTimeout(60_000);

const NOTICE = 'offline extract, no language model';

// One folder for the whole file: the sample without FILE, though a key and an endpoint are set, and the same again.
let server: ModelServer;
let folder: string;
let first: Ended;
let hashesAfterFirst: Record<string, string>;
let again: Ended;

beforeAll(async () => {
  server = await startModelServer({ record: true });
  folder = newFolder();
  const options = { cwd: folder, env: endpointEnv(server) };
  first = await runProgram(['run'], options);
  hashesAfterFirst = tableHashes(join(folder, 'hundredfold-data'));
  again = await runProgram(['run', '--json'], options);
});
afterAll(async () => {
  await server.close();
  cleanUp();
});

test('without FILE the sample is summarized, and no endpoint is asked even when a key is set', () => {
  expect(first.code).toBe(0);
  expect(again.code).toBe(0);
  expect(server.stats().requests).toBe(0);
  expect(first.stdout).toContain('365 read, 362 summarized, 0 failed, 3 rejected');
  expect(first.stdout).toContain('5 now, 5 in all');
});

test('rows, batches, tokens and cost stand on stderr before the first call, the result on stdout', () => {
  expect(first.stderr).toContain('reviews.csv: csv, text "review", id "review_id"');
  expect(first.stderr).toMatch(/365 rows \(3 rejected\), 4 batches of up to 100, 5 calls; at most [\d,]+ tokens in, 1,250 out; no cost/);
  expect(first.stdout).not.toContain('at most');
  expect(first.stdout).toContain('hundredfold-data/results/tables/');
  expect(first.stdout + first.stderr).not.toContain('    at ');
});

test('every place that shows a summary says that no language model wrote it', async () => {
  expect(first.stderr).toContain(NOTICE);
  const shown = first.stdout.slice(first.stdout.indexOf('Summary of all')).split('\n');
  expect(shown[0]).toBe(`Summary of all (${NOTICE}):`);
  expect(shown[1]?.toLowerCase()).toContain(NOTICE);
  const { rows } = await query(
    join(folder, 'hundredfold-data'),
    `select count(*) filter (model = 'offline-extractive') as named, count(*) filter (summary ilike '%${NOTICE}%') as told, count(*) as "all"
     from batch_summaries`,
  );
  expect(rows).toEqual([{ named: 5, told: 5, all: 5 }]);
  expect(recordOf(again).model).toBe('offline-extractive');
});

test('run again: no call, the same tables to the byte, and with --json only the record on stdout', () => {
  expect(Object.keys(hashesAfterFirst)).toHaveLength(4);
  expect(tableHashes(join(folder, 'hundredfold-data'))).toEqual(hashesAfterFirst);
  expect(recordOf(again)).toMatchObject({ status: 'complete', calls: 5, calls_this_attempt: 0, rows_in: 365, cost_usd: 0 });
  expect(again.stdout.trimEnd().split('\n')).toHaveLength(1);
  expect(again.stderr).toContain('0 now, 5 in all (5 answers already there)');
});

test('the other columns of the input are JSON that SQL can ask', async () => {
  const { rows } = await query(
    join(folder, 'hundredfold-data'),
    `select distinct attributes ->> '$.product' as product from row_summaries where id = 'R-0001'`,
  );
  expect(rows).toEqual([{ product: 'Coffee Grinder' }]);
});
