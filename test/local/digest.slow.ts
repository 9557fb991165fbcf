import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { type ModelServer, startModelServer } from '../../local/model-server/model-server.ts';
import { query } from '../../local/query.ts';
import { type FakeStack, json, refused, startFakeStack } from './fake-stack.ts';
import { callProgram } from './in-process.ts';
import { cleanUp, endpointEnv, newFolder, recordOf, reviewsCsv } from './program.ts';

// Each command is a process of its own, a second or more on a busy machine.
jest.setTimeout(120_000);

let server: ModelServer;
let stack: FakeStack | undefined;
let folder: string;
beforeEach(async () => {
  server = await startModelServer({ record: true });
  folder = newFolder();
});
afterEach(async () => {
  await server.close();
  await stack?.close();
  stack = undefined;
});
afterAll(cleanUp);

const command = (name: string, ...args: string[]) =>
  callProgram([name, ...args, '--json', '--out', join(folder, 'out')], { env: endpointEnv(server) });

async function run(name: string, rows: number, ...flags: string[]) {
  const file = join(folder, `${name}.csv`);
  writeFileSync(file, reviewsCsv(rows));
  return recordOf(await command('run', file, '--dataset', 'shop', '--batch-size', '10', ...flags));
}

/** What the last call was told. */
const lastRequest = () => {
  const { messages } = server.requests!.at(-1)!;
  return { rules: String(messages[0]!.content), parts: JSON.parse(String(messages[1]!.content)) };
};

test('folds the latest roots of a dataset with the weight of their rows, as a run that is found again', async () => {
  await run('july', 15, '--instruction', 'list what the {rows} writers want');
  const july = await run('july', 25, '--instruction', 'list what the {rows} writers want');
  const august = await run('august', 45, '--instruction', 'list what the {rows} writers want');
  await run('september', 20, '--roll-up', 'false');
  const digest = recordOf(await command('digest', 'shop'));
  expect(digest).toMatchObject({
    ...{ status: 'complete', dataset: 'shop', source_key: 'shop/_digest/digest-of-shop.jsonl' },
    ...{ rows_in: 2, batches: 1, calls: 1, levels: 1 },
  });
  expect(digest.summary).toEqual(expect.any(String));
  expect(lastRequest().parts).toEqual([
    { rows: 45, summary: august.summary },
    { rows: 25, summary: july.summary },
  ]);
  // What was asked of the uploads is asked of their digest.
  expect(lastRequest().rules).toContain('Your task: list what the 70 writers want.');
  const { rows } = await query(
    join(folder, 'out'),
    `select id, text, attributes ->> 'run_id' as run_id from row_summaries where run_id = '${digest.run_id}' order by id`,
  );
  expect(rows).toEqual([
    { id: 'shop/august.csv', text: august.summary, run_id: august.run_id },
    { id: 'shop/july.csv', text: july.summary, run_id: july.run_id },
  ]);

  const paid = server.stats().answers;
  expect(recordOf(await command('digest', 'shop'))).toMatchObject({ run_id: digest.run_id, calls_this_attempt: 0 });
  expect(server.stats().answers).toBe(paid);
  const other = recordOf(await command('digest', 'shop', '--instruction', 'name the worst of {rows}'));
  expect(other.run_id).not.toBe(digest.run_id);
  expect(lastRequest().rules).toContain('Your task: name the worst of 70.');
});

test('more roots than a batch holds are folded level by level, each level with the rows of the uploads', async () => {
  const rows = [3, 4, 5];
  for (const [index, count] of rows.entries()) await run(`file-${index}`, count);
  const digest = recordOf(await command('digest', 'shop', '--batch-size', '2'));
  expect(digest).toMatchObject({ status: 'complete', rows_in: 3, batches: 2, levels: 2, calls: 3 });
  expect(lastRequest().parts.map((part: { rows: number }) => part.rows)).toEqual([3 + 4, 5]);
});

test('says what is missing', async () => {
  const out = join(folder, 'out');
  expect(refused(await command('digest', 'shop'))).toBe(
    `No upload of dataset "shop" has a summary of all of it in ${out}; the query latest_roots shows which have one.\n`,
  );
  await run('july', 5);
  expect(refused(await command('digest', 'shop', '--since', '2999-01-01'))).toContain('since 2999-01-01');
  expect(refused(await command('digest', 'shop', '--since', '2026-13-01'))).toContain('It must be a day: YYYY-MM-DD.');
  expect(refused(await command('digest', 'shop', '--model', 'unpriced', '--max-cost-usd', '1'))).toContain(
    'the price of unpriced is unknown',
  );
});

test.each([
  ['a file', {}, 'support/_digest/digest-of-support.jsonl'],
  ['a folder', { upload: 'folder' }, 'support/_digest/digest-of-support/'],
])('in a stack its upload is dropped as the dataset wants one: %s', async (_, settings, sourceKey) => {
  stack = await startFakeStack();
  const asFolder = 'upload' in settings;
  for (const name of ['july', 'august']) {
    const rows = name === 'july' ? 25 : 45;
    if (asFolder) {
      await stack.drop({ batchRows: 10, ...settings }, `support/${name}/part-0.csv`, rows);
      await stack.stores.input.put(`support/${name}/_SUCCESS`, '');
      await stack.work(`${await stack.submit(`support/${name}/`)}-1`);
    } else {
      await stack.drop({ batchRows: 10 }, `support/${name}.csv`, rows);
      await stack.work(`${await stack.submit(`support/${name}.csv`)}-1`);
    }
  }
  const started = json(await stack.command('digest', 'support', '--stack', '--max-output-tokens', '99', '--json'));
  expect(started).toMatchObject({ result: 'started' });
  const input = stack.started()[`${started.run_id}-1`]!;
  expect(input).toMatchObject({
    ...{ dataset: 'support', source: { key: sourceKey } },
    settings: { textColumn: 'summary', idColumn: 'source_key', weightColumn: 'rows', batchRows: 10, maxOutputTokens: 99 },
  });
  expect(await stack.work(`${started.run_id}-1`)).toMatchObject({ status: 'complete', rows_in: 2, calls: 1 });

  // The digest itself is no part of the next one: the same roots are the same object, hence the same run.
  const again = json(await stack.command('digest', 'support', '--stack', '--max-output-tokens', '99', '--json'));
  expect(again).toMatchObject({ run_id: started.run_id, result: 'processed', status: 'complete' });
});
