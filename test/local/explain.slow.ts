import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { JOINED_AT_ONCE_BATCHES } from '../../functions/shared/limits.ts';
import { type ModelServer, startModelServer } from '../../local/model-server/model-server.ts';
import { callProgram } from './in-process.ts';
import { cleanUp, endpointEnv, newFolder, recordOf, repository, reviewsCsv } from './program.ts';

// Each run is a process of its own, a second or more on a busy machine.
jest.setTimeout(60_000);

let server: ModelServer;
let folder: string;
beforeAll(async () => {
  server = await startModelServer({ record: true });
  folder = newFolder();
});
afterAll(async () => {
  await server.close();
  cleanUp();
});

const fileOf = (name: string, content: string) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

/** `explain` where its temporary folder can be seen. */
async function explain(...args: string[]) {
  const temporary = newFolder();
  const ended = await callProgram(['explain', ...args], { cwd: folder, env: { ...endpointEnv(server), TMPDIR: temporary } });
  expect(readdirSync(temporary)).toEqual([]);
  return ended;
}

const long = 'The lid of this jar closes well and nothing was spilled on the way home. '.repeat(4);

test('tells how a file is read and what a run of it would cost, makes no call and leaves nothing', async () => {
  const file = fileOf(
    'said.csv',
    `key;said;shop\n${[`007;${long};Berlin`, '008;   ;Paris', ...Array.from({ length: 6 }, (_, row) => `${row};Nothing at all to say of item ${row};Rome`), 'x', 'y'].join('\n')}\n`,
  );
  const before = readdirSync(folder);
  const ended = await explain(file, '--batch-size', '3');
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  // What the prompt adds to the texts is not of interest here.
  const shown = ended.stdout.replace(/at most [\d,]+ in/, 'at most N in').replace(/\$[\d.]+/, '$N');
  expect(shown).toBe(`said.csv (570 B)

format       CSV, fields separated by semicolons, UTF-8
text         "said", the only one that reads like prose
id           "key", found by its name
attributes   shop

First rows as read (id, text):
  007: The lid of this jar closes well and nothing was spilled on the way home.…
    with shop
  0: Nothing at all to say of item 0
    with shop
  1: Nothing at all to say of item 1
    with shop

rows         10 read, 7 to summarize, 3 rejected
rejected     2 too_few_fields: line 10, line 11
             1 empty_text: line 3
batches      3 batches of up to 3 rows; 4 calls, 1 of them to fold the summaries
tokens       at most N in, 1,000 out
cost         at most $N with gpt-6-luna
settings     --batch-rows 3
notes        The fields are taken to be separated by semicolons.
             No column has the name of a text column; "said" is taken, the only
             one that reads like prose.

No call was made, and nothing was written.
`);
  expect(Math.max(...ended.stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(server.stats().requests).toBe(0);
  expect(readdirSync(folder)).toEqual(before);
});

test('with granularity row it says what the paragraphs cost, and why batches are smaller', async () => {
  const file = fileOf('reviews.csv', reviewsCsv(150));
  const ended = await explain(file, '--granularity', 'row', '--model', 'llama-3.1-8b');
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout).toContain(`batches      3 batches of up to 66 rows; 7 calls, 3 of them to make a paragraph
             of each batch's rows, 1 to fold the summaries
`);
  // 60 tokens a row and 100 a batch, then four paragraphs.
  expect(ended.stdout).toContain(`${(150 * 60 + 3 * 100 + 4 * 250).toLocaleString('en')} out`);
  expect(ended.stdout).toContain(`notes        Batches have at most 66 rows, not 100, so that what is asked of all
             of them fits into one answer.
`);
});

test('with --json one object, in which a run finds the same', async () => {
  const file = fileOf('reviews.csv', `${reviewsCsv(5)}r5,,1\n`);
  const explained = recordOf(await explain(file, '--json', '--limit', '6', '--model', 'gpt-5.4-mini', '--max-cost-usd', '0.5'));
  expect(explained).toMatchObject({
    ...{ source_key: 'reviews.csv', dataset: 'default', parts: null, format: 'csv', compression: null, encoding: 'utf-8', delimiter: ',' },
    ...{ columns: ['id', 'review', 'stars'], text_column: 'review', text_column_by: 'name', id_column: 'id', id_column_by: 'name' },
    ...{ limit: 6, rows_in: 6, rows_staged: 5, rows_rejected: 1, batches: 1, model: 'gpt-5.4-mini', max_cost_usd: 0.5 },
    rejections: [{ reason: 'empty_text', rows: 1, first: [{ line: 7 }] }],
    settings: { model: 'gpt-5.4-mini', maxCostUsd: 0.5 },
  });
  expect(explained.first_rows).toHaveLength(3);
  const env = endpointEnv(server);
  const ran = recordOf(
    await callProgram(['run', file, '--out', newFolder(), '--json', '--limit', '6', '--model', 'gpt-5.4-mini'], { env }),
  );
  expect(ran).toMatchObject({ rows_in: 6, rows_rejected: 1, batches: 1, estimated_cost_usd: explained.estimated_cost_usd });
});

test('groups are counted, with the smallest, the one in the middle and the largest; the first rows are those of the upload', async () => {
  const products = ['b', 'a', 'a', 'b', 'b', 'b', 'c', ' ', 'd', 'd', 'd'];
  const rows = products.map((product, row) => `r${row},"Review ${row}: the lid was fine.",${product}\n`);
  const file = fileOf('grouped.csv', `id,review,product\n${rows.join('')}`);
  const flags = ['--group-column', 'product', '--min-group-rows', '2', '--batch-size', '2'];
  const [people, json] = await Promise.all([explain(file, ...flags), explain(file, ...flags, '--json')]);
  expect(people.stdout).toContain('groups       3 of "product": 2 to 4 rows, median 3; 2 smaller left out\n');
  expect(people.stdout).toContain('rows         11 read, 9 to summarize, 0 rejected, 2 skipped\n');
  expect(people.stdout).toMatch(/First rows as read.*\n {2}r0: .*\n.*\n {2}r1: .*\n.*\n {2}r2: /);
  expect(people.stdout).toMatch(/^batches {6}5 batches of up to 2 rows; 8 calls, 3 of them to fold/m);
  expect(recordOf(json)).toMatchObject({
    groups: { columns: ['product'], count: 3, smallest: 2, median: 3, largest: 4, skipped: 2 },
    ...{ rows_in: 11, rows_staged: 9, rows_skipped: 2, batches: 5, calls: 8 },
  });
});

test('a folder is explained as one upload, with the part of each rejected row', async () => {
  const parts = join(folder, 'export', 'dt=2026-01-01');
  mkdirSync(parts, { recursive: true });
  writeFileSync(join(parts, 'part-0.csv'), reviewsCsv(2));
  writeFileSync(join(parts, 'part-1.csv'), 'id,review,stars\nr2,,1\n');
  writeFileSync(join(folder, 'export', '_SUCCESS'), '');
  const { code, stdout } = await explain(join(folder, 'export'), '--text-column', 'review');
  expect(code).toBe(0);
  expect(stdout).toContain('default/export/ (');
  expect(stdout).toContain('2 part files)');
  expect(stdout).toContain('"review", named by a setting');
  expect(stdout).toContain('1 empty_text: dt=2026-01-01/part-1.csv line 2');
});

test('a file that cannot be used is refused with its sentence', async () => {
  const file = fileOf('numbers.csv', 'a,b\n1,2\n');
  const [terse, json] = await Promise.all([explain(file), explain(file, '--json')]);
  expect(terse).toMatchObject({ code: 2, stdout: '' });
  expect(terse.stderr).toMatch(/^No column looks like the text to summarize; .*\n$/);
  expect(json.code).toBe(2);
  expect(recordOf(json)).toEqual({ source_key: 'numbers.csv', refusal: terse.stderr.trimEnd() });
});

test('wrong usage is told as by run', async () => {
  const ended = await explain(join(folder, 'missing.csv'));
  expect(ended).toMatchObject({ code: 2, stdout: '', stderr: `There is no file ${join(folder, 'missing.csv')}.\n` });
});

test('texts cannot steer the terminal or break the layout', async () => {
  const name = '名'.repeat(60);
  const file = fileOf('odd.csv', `id,review,${name}\n1,"\u001b[31mred\n\nand then ${'評'.repeat(90)}",x\n`);
  const { stdout } = await explain(file, '--offline');
  expect(stdout).not.toContain('\u001b');
  expect(stdout).toContain('none: offline-extractive, no language model');
  const width = (line: string) => [...line].reduce((sum, character) => sum + (/[名評]/.test(character) ? 2 : 1), 0);
  for (const line of stdout.split('\n')) expect(width(line)).toBeLessThanOrEqual(80);
});

test('without FILE the sample is explained', async () => {
  const { code, stdout } = await callProgram(['explain'], { cwd: repository });
  expect(code).toBe(0);
  expect(stdout).toContain('365 read, 362 to summarize, 3 rejected');
});

test('plans a file whose manifest is joined in a call of its own', async () => {
  const rows = JOINED_AT_ONCE_BATCHES + 1;
  const file = fileOf('many.csv', `id,review\n${Array.from({ length: rows }, (_, row) => `${row},Said of item ${row}`).join('\n')}\n`);
  const { code, stdout } = await explain(file, '--batch-size', '1', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ rows_staged: rows, batches: rows });
});
