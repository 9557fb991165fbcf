import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { rowsOfRequest } from '../../local/model-server/chat-request.ts';
import type { ChatRequest } from '../../local/model-server/completion.ts';
import { type ModelServer, type ModelServerOptions, startModelServer } from '../../local/model-server/model-server.ts';
import { type HeldEndpoint, heldEndpoint } from './held-endpoint.ts';
import { callProgram } from './in-process.ts';
import { cleanUp, type Ended, endpointEnv, newFolder, reviewsCsv, startProgram } from './program.ts';

// Each command is a process of its own, a second or more on a busy machine.
jest.setTimeout(240_000);

let server: ModelServer;
let options: ModelServerOptions;
let folder: string;
let out: string;
let file: string;
beforeEach(async () => {
  options = {};
  server = await startModelServer({
    record: true,
    faults: (index, request) => options.faults?.(index, request),
    answer: (rows) => `Of ${rows.length} texts, the first is this: ${rows[0]?.slice(0, 40)}`,
  });
  folder = newFolder();
  out = join(folder, 'out');
  file = join(folder, 'reviews.csv');
});
afterEach(() => server.close());
afterAll(cleanUp);

const compare = (args: readonly string[], env = endpointEnv(server)) =>
  callProgram(['compare', file, ...args, '--json', '--out', out], { env });

interface ShownWay extends Record<string, unknown> {
  name: string;
  status: string;
  calls: number;
  calls_now: number;
  cost_usd: number;
}
interface Shown {
  page: string;
  sample: { rows: number; rows_usable: number; rows_rejected: number };
  calls_now: number;
  cost_now_usd: number;
  ways: ShownWay[];
  findings: string[];
  warnings: string[];
}

function shownOf({ stdout, stderr }: Ended): Shown {
  if (!stdout.startsWith('{')) throw new Error(`There is no comparison:\n${stderr}`);
  return JSON.parse(stdout) as Shown;
}

/** The texts of rows that were asked about, in the requests from one to another. */
const textsIn = (requests: readonly ChatRequest[]) =>
  requests.flatMap((request) => rowsOfRequest(request)).filter((text) => text.startsWith('Review '));

/** Every file of the user's buckets and events, by its path. */
const filesOf = (root: string) =>
  Object.fromEntries(
    globSync(['input/**', 'work/**', 'results/**', 'events.jsonl'], { cwd: root, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [path, readFileSync(path, 'base64')]),
  );

const sizes = ['--batch-size', '50,100,200', '--sample', '1000'];

describe('a sample of 1,000 rows, 50, 100 and 200 a call', () => {
  beforeEach(() => writeFileSync(file, `${reviewsCsv(3_000)}r3000,,1\n`));

  test('takes as many calls as the arithmetic says, on the same rows; the same comparison again takes none; nothing of the user changes', async () => {
    const own = join(folder, 'own.csv');
    writeFileSync(own, reviewsCsv(5));
    expect((await callProgram(['run', own, '--offline', '--out', out])).code).toBe(0);
    const before = filesOf(out);

    const ended = await compare(sizes);
    expect(ended.code).toBe(0);
    const first = shownOf(ended);
    expect(first.sample).toEqual({ rows: 1_000, rows_usable: 3_000, rows_rejected: 1 });
    expect(first.ways.map(({ name, calls, status }) => [name, calls, status])).toEqual([
      ['50 rows a call', 20 + 1, 'complete'],
      ['100 rows a call', 10 + 1, 'complete'],
      ['200 rows a call', 5 + 1, 'complete'],
    ]);
    expect(server.stats().requests).toBe(21 + 11 + 6);
    expect(first.ways.reduce((sum, way) => sum + Number(way.input_tokens), 0)).toBe(server.stats().inputTokens);
    expect(first.ways.reduce((sum, way) => sum + Number(way.output_tokens), 0)).toBe(server.stats().outputTokens);
    for (const way of first.ways) {
      expect(Number(way.whole_cost_usd) / way.cost_usd).toBeCloseTo(3, 0);
      expect(way).toMatchObject({ rows_summarized: 1_000, rows_failed: 0, calls_now: way.calls, cached_input_tokens: null });
      for (const name of ['seconds', 'latency_median_seconds', 'latency_p95_seconds']) expect(typeof way[name]).toBe('number');
    }
    expect(first.findings[0]).toMatch(/^200 rows a call cost \d+ % less than 50 rows a call\.$/);

    const requests = server.requests ?? [];
    const [fifty, hundred, twoHundred] = [requests.slice(0, 21), requests.slice(21, 32), requests.slice(32)].map((some) =>
      textsIn(some).sort(),
    );
    expect(new Set(fifty).size).toBe(1_000);
    expect(hundred).toEqual(fifty);
    expect(twoHundred).toEqual(fifty);
    const numbers = (fifty ?? []).map((text) => Number(/\d+/.exec(text)?.[0]));
    for (let tenth = 0; tenth < 10; tenth++) expect(numbers.filter((number) => Math.floor(number / 300) === tenth).length).toBe(100);

    const again = await compare(sizes);
    expect(again.code).toBe(0);
    expect(server.stats().requests).toBe(38);
    const second = shownOf(again);
    expect(second).toMatchObject({ calls_now: 0, cost_now_usd: 0, page: first.page });
    const figures = ({ ways }: Shown) => ways.map(({ calls_now: _, cost_now_usd: __, ...way }) => way);
    expect(figures(second)).toEqual(figures(first));
    expect(second.warnings).toEqual(['All ways are kept from before: tokens, cost and time are those of then, and nothing was paid now.']);
    expect(filesOf(out)).toEqual(before);
    const query = await callProgram(['query', 'select count(*) as runs from runs', '--json', '--out', out]);
    expect(JSON.parse(query.stdout)).toEqual([{ runs: 1 }]);
  });

  test('the cap is for all ways together: what is left of it goes to the next; with a higher one it goes on and pays only for the rest', async () => {
    const free = shownOf(
      await callProgram(['compare', file, ...sizes, '--json', '--out', join(folder, 'other')], { env: endpointEnv(server) }),
    );
    const [one, two, three] = free.ways.map(({ cost_usd }) => cost_usd) as [number, number, number];
    const answers = server.stats().answers;

    const cap = String(one + two / 2);
    const halted = await compare([...sizes, '--max-cost-usd', cap, '--concurrency', '1', '--quiet']);
    expect(halted.code).toBe(4);
    expect(halted.stderr).toContain(`Warning: this may cost more than the cap of`);
    expect(halted.stderr).not.toMatch(/Way 1 of 3|batches of up to|maxCostUsd is/);
    const some = shownOf(halted);
    expect(some.ways.map(({ status }) => status)).toEqual(['complete', 'halted', expect.stringMatching(/halted|unstarted/)]);
    expect(some.cost_now_usd).toBeLessThanOrEqual(Number(cap));
    expect(some.cost_now_usd).toBeGreaterThan(one);
    expect(some.warnings.join()).toMatch(/100 rows a call: halted \(budget_exceeded\); the same command goes on/);

    const ended = await compare([...sizes, '--max-cost-usd', String(one + two + three + 0.01)]);
    expect(ended.code).toBe(0);
    const all = shownOf(ended);
    expect(all.ways.map(({ calls }) => calls)).toEqual([21, 11, 6]);
    expect(server.stats().answers - answers).toBe(38);
    expect(all.ways.map(({ cost_usd }) => cost_usd)).toEqual(free.ways.map(({ cost_usd }) => expect.closeTo(cost_usd, 9)));
  });

  test('a cap that pays for no call at all begins none', async () => {
    const ended = await compare([...sizes, '--max-cost-usd', '0.0000001']);
    expect(ended.code).toBe(4);
    expect(shownOf(ended).ways.map(({ status, calls }) => [status, calls])).toEqual([
      ...[
        ['unstarted', 0],
        ['unstarted', 0],
        ['unstarted', 0],
      ],
    ]);
    expect(server.stats().requests).toBe(0);
    expect((await compare(sizes)).code).toBe(0);
    expect(server.stats().requests).toBe(38);
  });

  test('a way whose batches fail ends partial and says so; the next comparison asks only for them', async () => {
    // The first of the 200 rows of a batch is one of the first three of the file in the first batch only.
    const isFirst = (request: ChatRequest) => /^Review [0-2]:/.test(textsIn([request])[0] ?? '');
    options.faults = (_, request) =>
      rowsOfRequest(request).length === 200 && isFirst(request) ? { kind: 'status', status: 400 } : undefined;
    const ended = await compare(sizes);
    const failed = shownOf(ended).ways[2];
    expect(ended.code).toBe(3);
    expect(failed).toMatchObject({ status: 'partial', rows_failed: 200, calls: 5 });
    options.faults = () => undefined;
    const before = server.stats().requests;
    expect(shownOf(await compare(sizes)).ways[2]).toMatchObject({ status: 'complete', rows_failed: 0 });
    expect(server.stats().requests - before).toBe(2);
  });
});

test('Ctrl-C finishes the calls in flight and shows what there is; the same command goes on', async () => {
  writeFileSync(file, reviewsCsv(80));
  const endpoint: HeldEndpoint = await heldEndpoint();
  try {
    const args = ['compare', file, '--batch-size', '20,40', '--concurrency', '2', '--json', '--out', out];
    const program = startProgram(args, { env: endpointEnv(endpoint) });
    await program.until(endpoint.arrived(2));
    program.child.kill('SIGINT');
    await program.says('Stopping: the calls in flight are finished and kept');
    endpoint.releaseAll();
    const halted = await program.ended;
    expect(halted.code).toBe(4);
    expect(shownOf(halted).ways.map(({ status, calls }) => [status, calls])).toEqual([
      ['halted', 2],
      ['unstarted', 0],
    ]);
    const again = await callProgram(args, { env: endpointEnv(endpoint) });
    expect(again.code).toBe(0);
    expect(shownOf(again).ways.map(({ calls, calls_now }) => [calls, calls_now])).toEqual([
      [5, 3],
      [3, 3],
    ]);
    expect(endpoint.calls).toHaveLength(8);
  } finally {
    await endpoint.close();
  }
});

test('what two ways ask alike is paid once and counts in both', async () => {
  writeFileSync(file, reviewsCsv(60));
  const { ways, warnings } = shownOf(await compare(['--batch-size', '100,200']));
  expect(server.stats().requests).toBe(1);
  expect(ways).toMatchObject([
    { calls: 1, calls_now: 1, calls_shared: 0 },
    { calls: 1, calls_now: 0, calls_shared: 1, seconds: null },
  ]);
  for (const name of ['input_tokens', 'output_tokens', 'cost_usd', 'latency_median_seconds']) expect(ways[1]?.[name]).toBe(ways[0]?.[name]);
  expect(warnings).toContain(
    '200 rows a call: 1 answer is asked for by another way, too, and paid once; here they count as if paid again.',
  );
});

test('models and instructions go with every batch size, instructions with their commas', async () => {
  writeFileSync(file, reviewsCsv(20));
  const flags = ['--batch-size', '10,20', '--model', 'gpt-6-luna,gpt-5.4-mini', '--instruction', 'list, for {rows} rows, what is said'];
  const { ways } = shownOf(await compare([...flags, '--instruction', 'summarize']));
  expect(ways).toHaveLength(8);
  expect(ways[1]?.name).toBe('10 rows a call, gpt-6-luna, instruction 2');
  const asked = (server.requests ?? []).map(({ model, messages }) => `${model}: ${String(messages[0]?.content).split('\n')[0]}`);
  expect(asked.filter((words) => words === 'gpt-5.4-mini: Your task: list, for 10 rows, what is said.')).toHaveLength(2);
});

test('groups stay apart and are aligned; the whole file is not guessed from them', async () => {
  const rows = Array.from({ length: 400 }, (_, row) => `r${row},"Review ${row} was fine.",${row % 2 === 0 ? 'lid' : 'jar'}\n`);
  writeFileSync(file, `id,review,product\n${rows.join('')}`);
  const { ways } = shownOf(await compare(['--batch-size', '25,50', '--sample', '200', '--group-column', 'product']));
  expect(ways).toMatchObject([
    { status: 'complete', rows_summarized: 200, whole_cost_usd: null },
    { status: 'complete', rows_summarized: 200, whole_cost_usd: null },
  ]);
  for (const request of server.requests ?? []) {
    const parities = new Set(textsIn([request]).map((text) => Number(/\d+/.exec(text)?.[0]) % 2));
    expect(parities.size).toBeLessThanOrEqual(1);
  }
});

test('says where answers were cut off and where the token budget ended batches early', async () => {
  const long = 'The lid, the handle and the price were fine, and so was the parcel. '.repeat(20);
  writeFileSync(file, `id,review\n${Array.from({ length: 20 }, (_, row) => `${row},"Review ${row}: ${long}"\n`).join('')}`);
  const { ways, warnings } = shownOf(await compare(['--batch-size', '1,10', '--max-batch-tokens', '2000', '--max-output-tokens', '5']));
  expect(ways[0]).toMatchObject({ batches: 20, batches_ended_early: 0, answers_cut_off: 21 });
  expect(ways[1]).toMatchObject({ batches: 7, batches_ended_early: 6 });
  expect(warnings).toContain(
    '1 row a call: 21 answers were cut off at the most tokens that an answer may have; set --max-output-tokens higher.',
  );
  expect(warnings.join()).toContain('10 rows a call: 6 of 7 batches ended early: more rows would have passed the token budget of a call');
});

test('a folder, gzip and ids without a column are read as a run reads them', async () => {
  file = join(folder, 'export');
  mkdirSync(join(file, 'shop=berlin'), { recursive: true });
  const part = (from: number) =>
    `review\n${Array.from({ length: 50 }, (_, row) => `"Review ${from + row}, ""quoted"", was fine."\n`).join('')}`;
  writeFileSync(join(file, 'shop=berlin', 'part-0.csv.gz'), gzipSync(part(0)));
  writeFileSync(join(file, 'shop=berlin', 'part-1.csv.gz'), gzipSync(part(50)));
  const { sample } = shownOf(await compare(['--batch-size', '10,20', '--sample', '40']));
  expect(sample).toEqual({ rows: 40, rows_usable: 100, rows_rejected: 0 });
  const texts = textsIn((server.requests ?? []).slice(0, 5));
  expect(texts).toHaveLength(40);
  for (const text of texts) expect(text).toMatch(/^Review \d+, "quoted", was fine\.$/);
  const [kept] = globSync('compare/input/sample-of-*/*.jsonl', { cwd: out });
  const lines = readFileSync(join(out, String(kept)), 'utf8')
    .trimEnd()
    .split('\n');
  for (const line of lines) {
    const { row, review, shop } = JSON.parse(line);
    expect([Number(row), shop]).toEqual([Number(/\d+/.exec(review)?.[0]) + 1, 'berlin']);
  }
});

test('without a key it is offline, costs nothing, and says that this is no measure', async () => {
  writeFileSync(file, reviewsCsv(30));
  const ended = await callProgram(['compare', file, '--batch-size', '10,30', '--out', out], { env: { COLUMNS: '60' } });
  expect(ended.code).toBe(0);
  expect(ended.stdout.replaceAll('\n', ' ')).toContain('The offline model extracts sentences: its summaries are no measure of quality');
  expect(ended.stdout).toMatch(/^batch size +10 +30$/m);
  expect(ended.stdout).toMatch(/^calls +4 +1$/m);
  expect(ended.stdout).toMatch(/^cost +\$0\.00 +\$0\.00$/m);
  expect(Math.max(...ended.stdout.split('\n').map((line) => (line.startsWith('page') ? 0 : line.length)))).toBeLessThanOrEqual(80);
});
