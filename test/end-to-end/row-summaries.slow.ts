import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, jest, test } from '@jest/globals';
import { allOf, type Damage, doubleRows, dropRows, emptyRows, inventRows } from '../../local/model-server/answer-damage.ts';
import type { ChatRequest } from '../../local/model-server/completion.ts';
import { type ModelServer, type ModelServerOptions, startModelServer } from '../../local/model-server/model-server.ts';
import { statementOf } from '../../local/named-query.ts';
import { query } from '../../local/query.ts';
import { callProgram } from '../local/in-process.ts';
import { cleanUp, endpointEnv, newFolder, recordOf, reviewsCsv } from '../local/program.ts';

// Each run is a process of its own, some seconds on a busy machine.
jest.setTimeout(60_000);

const ROWS = 3_000;
const BATCHES = 30;

let server: ModelServer;
afterEach(() => server.close());
afterAll(cleanUp);

async function openCase(options: ModelServerOptions, flags: readonly string[] = []) {
  server = await startModelServer({ record: true, ...options });
  const folder = newFolder();
  const file = join(folder, 'reviews.csv');
  const out = join(folder, 'out');
  writeFileSync(file, reviewsCsv(ROWS));
  const run = () => callProgram(['run', file, '--granularity', 'row', '--json', '--out', out, ...flags], { env: endpointEnv(server) });
  return { out, run };
}

const textsIn = ({ messages }: ChatRequest) => JSON.parse(messages.at(-1)?.content as string) as { row?: number; text?: string }[];
const isOfRows = (request: ChatRequest) => textsIn(request)[0]?.row === 1;

/** How many rows have the very summary that the model gives to their text, and how many have one at all. */
const wellAnswered = `select count(*) filter (where summary = 'Offline extract, no language model: ' || text) as own,
  count(*) filter (where status = 'ok') as ok, count(distinct row_number) as "rows" from row_summaries`;

test('an answer of ten lacks, doubles, empties and invents rows: every row ends with its own summary, at exactly the calls that takes', async () => {
  // Five batches of whole answers of rows, one of each kind of damage, two of them twice: by what the batch begins with.
  const damages = new Map<string, Damage>([
    ['Review 0:', dropRows(1, 50, 100)],
    ['Review 1000:', doubleRows(7, 8)],
    ['Review 2000:', allOf(inventRows(0, 101, 4711), emptyRows(99))],
  ]);
  const { out, run } = await openCase({
    faults: (_, request) => {
      const begin = textsIn(request)[0]?.text?.match(/^Review \d+:/)?.[0] ?? '';
      const damage = textsIn(request).length === 100 && isOfRows(request) ? damages.get(begin) : undefined;
      return damage && { kind: 'damaged', damage };
    },
  });
  const ended = await run();
  // A call and a paragraph for each batch, the root, and one for what was wrong in each of three batches.
  const CALLS = 2 * BATCHES + 1 + 3;
  expect(recordOf(ended)).toMatchObject({ status: 'complete', rows_summarized: ROWS, rows_failed: 0, batches: BATCHES, calls: CALLS });
  expect(server.stats().requests).toBe(CALLS);
  const again = (server.requests ?? []).filter((request) => isOfRows(request) && textsIn(request).length < 100);
  expect(again.map((request) => textsIn(request).length).toSorted()).toEqual([1, 2, 3]);
  expect((await query(out, wellAnswered)).rows).toEqual([{ own: ROWS, ok: ROWS, rows: ROWS }]);

  const { sql, values } = statementOf(undefined, { named: 'rows_in_batches' })!;
  const beside = (await query(out, sql, values)).rows;
  expect(beside).toHaveLength(ROWS);
  expect(beside[150]).toMatchObject({ id: 'r150', summary: expect.stringContaining('Review 150:'), batch_id: 1 });
  expect(new Set(beside.map(({ batch_summary }) => batch_summary)).size).toBe(BATCHES);

  await run();
  expect(server.stats().requests).toBe(CALLS);
});

test('rows that the model never answers rightly fail honestly, and only they', async () => {
  const never = new Set(['Review 5:', 'Review 1234:', 'Review 1235:']);
  const { out, run } = await openCase({
    faults: (_, request) => {
      if (!isOfRows(request)) return undefined;
      const rows = textsIn(request).flatMap(({ row, text }) => (never.has(text?.match(/^Review \d+:/)?.[0] ?? '') ? [row as number] : []));
      return rows.length > 0 ? { kind: 'damaged', damage: rows.length > 1 ? doubleRows(...rows) : emptyRows(...rows) } : undefined;
    },
  });
  const ended = await run();
  expect(ended.code).toBe(3);
  expect(recordOf(ended)).toMatchObject({ status: 'partial', rows_summarized: ROWS - 3, rows_failed: 3, batches_failed: 0 });
  // 5: alone twice. 1234 and 1235: together, then each alone.
  expect(server.stats().requests).toBe(2 * BATCHES + 1 + 2 + 3);
  const { rows } = await query(out, "select id, summary, error_code from row_summaries where status = 'failed' order by row_number");
  expect(rows).toEqual(['r5', 'r1234', 'r1235'].map((id) => ({ id, summary: null, error_code: 'row_empty' })));
  expect((await query(out, wellAnswered)).rows).toEqual([{ own: ROWS - 3, ok: ROWS - 3, rows: ROWS }]);
  const batches = await query(
    out,
    "select batch_id, rows_failed, summary is not null as has from batch_summaries where status = 'partial' and level = 0 order by 1",
  );
  expect(batches.rows.map((row) => Object.values(row).map(Number))).toEqual([
    [0, 1, 1],
    [12, 2, 1],
  ]);
});

test.each(['refused', 'ignored'] as const)('at a server by which schemas are %s, every row has its summary', async (schemas) => {
  const { out, run } = await openCase({ schemas }, ['--roll-up', 'false', '--concurrency', '4']);
  expect(recordOf(await run())).toMatchObject({ status: 'complete', rows_summarized: ROWS, calls: BATCHES, summary: null });
  // Whoever has been refused knows it for the calls that begin later.
  const refusals = server.stats().outcomes['schema-refused'] ?? 0;
  if (schemas === 'refused') expect(refusals).toBeGreaterThan(0);
  expect(refusals).toBeLessThanOrEqual(schemas === 'refused' ? 4 : 0);
  expect((await query(out, wellAnswered)).rows).toEqual([{ own: ROWS, ok: ROWS, rows: ROWS }]);
  const { rows } = await query(out, 'select count(summary) as paragraphs, count(model) as models, count(*) as n from batch_summaries');
  expect(rows).toEqual([{ paragraphs: 0, models: BATCHES, n: BATCHES }]);
});

test('quota gone in the middle: after a top-up only the rest is paid, nothing twice', async () => {
  let credit = 25;
  const paid: string[] = [];
  const { out, run } = await openCase(
    {
      faults: (_, request) => {
        if (credit-- <= 0) return { kind: 'status', status: 429, code: 'insufficient_quota', type: 'insufficient_quota' };
        paid.push(JSON.stringify(request.messages));
        return isOfRows(request) && textsIn(request).length === 100 ? { kind: 'damaged', damage: dropRows(50) } : undefined;
      },
    },
    ['--concurrency', '4'],
  );
  const halted = await run();
  expect(halted.code).toBe(4);
  expect(recordOf(halted)).toMatchObject({ status: 'halted', calls: 25 });
  credit = Number.POSITIVE_INFINITY;
  const CALLS = 3 * BATCHES + 1;
  const complete = await run();
  expect(recordOf(complete)).toMatchObject({ status: 'complete', rows_failed: 0, calls: CALLS, calls_this_attempt: CALLS - 25 });
  expect(new Set(paid).size).toBe(CALLS);
  expect(paid).toHaveLength(CALLS);
  expect((await query(out, wellAnswered)).rows).toEqual([{ own: ROWS, ok: ROWS, rows: ROWS }]);
});

test('the end of a run says what was there already, not what batches of one row never ask for', async () => {
  server = await startModelServer();
  const folder = newFolder();
  const file = join(folder, 'reviews.csv');
  writeFileSync(
    file,
    'id,review,product\n1,The lid broke on day one,a\n2,The lid holds very well,b\n3,It came with a cracked lid,c\n4,And a bent handle too,c\n',
  );
  const flags = ['--granularity', 'row', '--group-column', 'product', '--json', '--out', join(folder, 'out')];
  const run = () => callProgram(['run', file, ...flags], { env: endpointEnv(server) });
  // Three batches, the paragraph of the one that has two rows, and the root.
  const first = await run();
  expect(recordOf(first)).toMatchObject({ status: 'complete', calls: 5 });
  expect(first.stderr).toMatch(/5 now, 5 in all$/m);
  expect((await run()).stderr).toContain('0 now, 5 in all (5 answers already there)');
});
