import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { query } from '../../local/query.ts';
import { type HeldEndpoint, heldEndpoint } from './held-endpoint.ts';
import { callProgram } from './in-process.ts';
import { cleanUp, type Ended, endpointEnv, newFolder, recordOf, reviewsCsv, startProgram } from './program.ts';

// Each run is a process of its own, a second or more on a busy machine.
jest.setTimeout(60_000);

let folder: string;
let file: string;
let out: string;
beforeAll(() => {
  folder = newFolder();
  file = join(folder, 'reviews.csv');
  out = join(folder, 'out');
  writeFileSync(file, reviewsCsv(70));
});
afterAll(cleanUp);

let endpoint: HeldEndpoint;
beforeEach(async () => {
  endpoint = await heldEndpoint();
});
afterEach(() => endpoint.close());

test('a FILE goes to the endpoint of OPENAI_BASE_URL, with the key and in the form that the model wants', async () => {
  endpoint.releaseAll();
  const run = await callProgram(['run', file, '--out', out, '--json'], { env: endpointEnv(endpoint) });
  expect(run.code).toBe(0);
  expect(recordOf(run)).toMatchObject({ status: 'complete', model: 'gpt-6-luna', calls: 1, rows_summarized: 70 });
  expect(endpoint.calls).toHaveLength(1);
  const { path, headers, request } = endpoint.calls[0]!;
  expect(path).toBe('POST /v1/chat/completions');
  expect(headers.authorization).toBe('Bearer sk-test-key-of-nobody');
  const { messages, ...parameters } = request;
  expect(parameters).toEqual({
    model: 'gpt-6-luna',
    max_completion_tokens: 250,
    reasoning_effort: 'none',
    temperature: 0.3,
    prompt_cache_options: { mode: 'explicit' },
  });
  expect(messages.map(({ role }) => role)).toEqual(['system', 'user']);
  expect(messages[0]!.content).toContain('summarize the following 70 customer reviews into a concise paragraph');
  const texts = JSON.parse(messages[1]!.content as string);
  expect(texts).toHaveLength(70);
  expect(texts[69]).toBe('Review 69: the lid, the handle and the price were fine.');
});

test('--offline asks nobody; another model gets its own parameter names; a server without keys needs none', async () => {
  endpoint.releaseAll();
  const [offline, old] = await Promise.all([
    callProgram(['run', file, '--out', out, '--offline', '--json'], { env: endpointEnv(endpoint) }),
    callProgram(['run', file, '--out', join(folder, 'old'), '--model', 'llama-3', '--temperature', '0', '--json'], {
      env: { OPENAI_BASE_URL: endpoint.baseUrl },
    }),
  ]);
  expect(recordOf(offline)).toMatchObject({ status: 'complete', model: 'offline-extractive', cost_usd: 0 });
  expect(recordOf(old)).toMatchObject({ status: 'complete', model: 'llama-3', cost_usd: null, estimated_cost_usd: null });
  expect(endpoint.calls).toHaveLength(1);
  const { messages, ...parameters } = endpoint.calls[0]!.request;
  expect(parameters).toEqual({ model: 'llama-3', max_tokens: 250, temperature: 0 });
  expect(old.stderr).toContain('price unknown');
});

test('at most --concurrency calls are in flight', async () => {
  for (const concurrency of [1, 3]) {
    const held = await heldEndpoint();
    const args = ['run', file, '--batch-size', '10', '--concurrency', String(concurrency), '--out', join(folder, `c${concurrency}`)];
    const program = startProgram(args, { env: endpointEnv(held) });
    for (let released = 0; released < 8; released++) {
      // Seven batches; their fold begins when all have ended.
      await program.until(held.arrived(released === 7 ? 8 : Math.min(7, released + concurrency)));
      held.calls[released]!.release();
    }
    expect((await program.ended).code).toBe(0);
    expect(held.mostInFlight()).toBe(concurrency);
    await held.close();
  }
});

test('settings: defaults, then the file beside the input, then the command line; each in its two spellings', async () => {
  const beside = join(folder, 'beside');
  mkdirSync(beside);
  const input = join(beside, 'reviews.csv');
  copyFileSync(file, input);
  writeFileSync(join(beside, '_hundredfold.json'), JSON.stringify({ batchRows: 35, maxOutputTokens: 99, textColumn: 'review' }));
  const settingsOf = (run: Ended) => JSON.parse(String(recordOf(run).settings));
  const [byFile, bySize, byRows] = await Promise.all(
    [[], ['--batch-size', '50'], ['--batch-rows', '50']].map((flags) =>
      callProgram(['run', input, '--json', '--offline', '--out', join(beside, `out${flags[0] ?? ''}`), ...flags]),
    ),
  );
  expect(recordOf(byFile!).batches).toBe(2);
  expect(settingsOf(byFile!)).toMatchObject({ batchRows: 35, maxOutputTokens: 99, temperature: 0.3 });
  for (const run of [bySize!, byRows!]) expect(settingsOf(run)).toMatchObject({ batchRows: 50, maxOutputTokens: 99 });
  expect(recordOf(bySize!).run_id).toBe(recordOf(byRows!).run_id);
  expect(recordOf(byFile!).run_id).not.toBe(recordOf(byRows!).run_id);
});

test('--limit reads the first rows only, and says so; --dataset names the dataset', async () => {
  const limited = await callProgram(['run', file, '--limit', '25', '--batch-size', '10', '--dataset', 'shop', '--out', out, '--json']);
  expect(recordOf(limited)).toMatchObject({ dataset: 'shop', source_key: 'shop/reviews.csv', rows_in: 25, batches: 3, status: 'complete' });
  expect(limited.stderr).toContain('Note: Only the first 25 rows were read.');
  const { rows } = await query(out, "select max(row_number) as last, count(*) as n from row_summaries where dataset = 'shop'");
  expect(rows).toEqual([{ last: 24, n: 25 }]);
});
