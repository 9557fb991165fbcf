import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { ChatRequest } from '../../local/model-server/completion.ts';
import { type ModelServer, startModelServer } from '../../local/model-server/model-server.ts';
import { query } from '../../local/query.ts';
import { callProgram } from '../local/in-process.ts';
import { cleanUp, type Ended, endpointEnv, newFolder, recordOf, reviewsCsv } from '../local/program.ts';

// Each run is a process of its own, some seconds on a busy machine.
jest.setTimeout(60_000);

const ROWS = 25_000;
/** An answer that only this request can have. */
const digest = (_: readonly string[], { messages }: ChatRequest) => createHash('sha256').update(JSON.stringify(messages)).digest('hex');

let server: ModelServer;
let file: string;
let out: string;
let ended: Ended;
let requests: { answer: string; parts: (string | { rows: number; summary: string })[] }[];
beforeAll(async () => {
  server = await startModelServer({ record: true, answer: digest });
  const folder = newFolder();
  out = join(folder, 'out');
  file = join(folder, 'generated.csv');
  writeFileSync(file, reviewsCsv(ROWS));
  ended = await callProgram(['run', file, '--json', '--out', out, '--concurrency', '32'], { env: endpointEnv(server) });
  requests = (server.requests ?? []).map((request) => ({
    answer: digest([], request),
    parts: JSON.parse(request.messages.at(-1)?.content as string),
  }));
});
afterAll(async () => {
  await server.close();
  cleanUp();
});

test('25,000 rows cost exactly 254 calls: 250 of rows, 3 folds, the root', () => {
  expect(ended.code).toBe(0);
  expect(requests).toHaveLength(254);
  expect(server.stats().answers).toBe(254);
  expect(recordOf(ended)).toMatchObject({
    status: 'complete',
    rows_summarized: ROWS,
    batches: 250,
    levels: 3,
    calls: 254,
    calls_this_attempt: 254,
  });
});

test('each summary is merged once, by the number of its rows, and the one that is in no merge is the root', () => {
  const merges = requests.flatMap(({ answer, parts }) =>
    typeof parts[0] === 'object' ? [{ answer, parts: parts as { rows: number; summary: string }[] }] : [],
  );
  expect(merges.map(({ parts }) => parts.length).toSorted((one, other) => one - other)).toEqual([3, 50, 100, 100]);
  const rowsOf = new Map(requests.flatMap(({ answer, parts }) => (typeof parts[0] === 'string' ? [[answer, parts.length] as const] : [])));
  // Level by level, since a fold's rows are the sum of what it was told.
  for (const { answer, parts } of merges)
    rowsOf.set(
      answer,
      parts.reduce((sum, { rows }) => sum + rows, 0),
    );
  const merged = merges.flatMap(({ parts }) => parts);
  expect(merged.filter(({ rows, summary }) => rowsOf.get(summary) !== rows)).toEqual([]);
  expect(new Set(merged.map(({ summary }) => summary)).size).toBe(253);
  expect(merged).toHaveLength(253);
  const roots = requests.filter(({ answer }) => !merged.some(({ summary }) => summary === answer));
  expect(roots.map(({ answer }) => answer)).toEqual([recordOf(ended).summary]);
  expect(rowsOf.get(String(recordOf(ended).summary))).toBe(ROWS);
});

test('row -> batch -> fold -> root joins in SQL, for every row', async () => {
  const { rows } = await query(
    out,
    `with recursive path as (
       select r.row_number, b.level, b.batch_id, b.parent_level, b.parent_batch_id, b.summary, 1 as steps
         from row_summaries r join batch_summaries b on b.run_id = r.run_id and b.level = 0 and b.batch_id = r.batch_id and b.summary = r.summary
       union all
       select p.row_number, b.level, b.batch_id, b.parent_level, b.parent_batch_id, b.summary, p.steps + 1
         from path p join batch_summaries b on b.level = p.parent_level and b.batch_id = p.parent_batch_id
     )
     select path.steps, count(*) as n, count(distinct row_number) as "rows", bool_and(path.summary = runs.summary) as is_root
       from path cross join runs where parent_level is null group by path.steps`,
  );
  expect(rows).toEqual([{ steps: 3, n: ROWS, rows: ROWS, is_root: true }]);
  const levels = await query(
    out,
    'select level, count(*) as n, sum(row_count) as "rows", min(first_row) as first, sum(rows_failed) as failed from batch_summaries group by level order by level',
  );
  expect(levels.rows.map((row) => Object.values(row).map(Number))).toEqual([
    [0, 250, ROWS, 0, 0],
    [1, 3, ROWS, 0, 0],
    [2, 1, ROWS, 0, 0],
  ]);
});

test('without roll-up there is one level, no fold and no summary of all; the batches were paid before', async () => {
  const before = server.stats().requests;
  const flat = await callProgram(['run', file, '--roll-up', 'false', '--json', '--out', out], { env: endpointEnv(server) });
  expect(flat.code).toBe(0);
  expect(recordOf(flat)).toMatchObject({ status: 'complete', levels: 1, summary: null, summary_key: null, batches: 250, calls: 0 });
  expect(server.stats().requests).toBe(before);
  const { rows } = await query(
    out,
    `select count(*) as n, max(level) as top, count(parent_level) as parents from batch_summaries where run_id = '${recordOf(flat).run_id}'`,
  );
  expect(rows).toEqual([{ n: 250, top: 0, parents: 0 }]);
});
