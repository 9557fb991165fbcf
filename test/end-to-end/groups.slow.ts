import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ModelServer, startModelServer } from '../../local/model-server/model-server.ts';
import { query } from '../../local/query.ts';
import { callProgram } from '../local/in-process.ts';
import { cleanUp, type Ended, endpointEnv, newFolder, recordOf, tableHashes } from '../local/program.ts';

const ROWS = 50_000;
const GROUPS = 1_000;

/** Unequal sizes that add up: one group has a third of all rows, most have a handful. */
function sizesOfGroups(): number[] {
  const weights = Array.from({ length: GROUPS }, (_, group) => 1 / (group + 1) ** 1.4);
  const sum = weights.reduce((all, weight) => all + weight, 0);
  const sizes = weights.map((weight) => Math.max(1, Math.floor((weight / sum) * (ROWS - GROUPS))));
  sizes[0] = (sizes[0] ?? 0) + ROWS - sizes.reduce((all, size) => all + size, 0);
  return sizes;
}
const sizes = sizesOfGroups();
const nameOf = (group: number) => `product "${group}", größe ${group % 7}`;
const textOf = (row: number, group: number) => `Row ${row} is of ${nameOf(group)}; the lid, the handle and the price were fine.`;

/** The group of each row, in an order that has nothing of groups: by a generator of pseudo-random numbers. */
function groupsOfRows(): number[] {
  const groups = sizes.flatMap((size, group) => Array<number>(size).fill(group));
  let seed = 12345;
  for (let at = groups.length - 1; at > 0; at--) {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    const other = seed % (at + 1);
    [groups[at], groups[other]] = [groups[other] as number, groups[at] as number];
  }
  return groups;
}
const groupOf = groupsOfRows();

/** Calls that fold so many summaries into one, a hundred at a time, where a last one that is alone goes up as it is. */
function folds(summaries: number): number {
  let calls = 0;
  for (let left = summaries; left > 1; left = Math.ceil(left / 100)) calls += Math.floor(left / 100) + (left % 100 > 1 ? 1 : 0);
  return calls;
}
const batchesOf = (size: number) => Math.ceil(size / 100);
const batches = sizes.reduce((all, size) => all + batchesOf(size), 0);
const calls = batches + sizes.reduce((all, size) => all + folds(batchesOf(size)), 0) + folds(GROUPS);

/** An answer that only these parts can have. */
const digest = (parts: readonly unknown[]) => createHash('sha256').update(JSON.stringify(parts)).digest('hex');

let server: ModelServer;
let out: string;
let file: string;
let first: Ended;
beforeAll(async () => {
  server = await startModelServer({ record: true, answer: digest });
  const folder = newFolder();
  out = join(folder, 'out');
  file = join(folder, 'generated.csv');
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const lines = groupOf.map((group, row) => `r${row},${quoted(textOf(row, group))},${quoted(nameOf(group))}\n`);
  writeFileSync(file, `id,review,product\n${lines.join('')}`);
  first = await callProgram(['run', file, '--group-column', 'product', '--json', '--out', out], { env: endpointEnv(server) });
});
afterAll(async () => {
  await server.close();
  cleanUp();
});

type Part = string | { summary: string };
const sentTo = () => server.requests!.map(({ messages }) => JSON.parse(messages.at(-1)!.content as string) as Part[]);
const groupNamed = (text: string) => /^Row \d+ is of (.*); the lid/.exec(text)?.[1] as string;

describe('50,000 rows in 1,000 groups of very unequal size, in no order', () => {
  test('are as many calls as arithmetic says', () => {
    expect(first.code).toBe(0);
    expect(recordOf(first)).toMatchObject({
      ...{ status: 'complete', rows_in: ROWS, rows_summarized: ROWS, groups: GROUPS, batches, calls },
      calls_this_attempt: calls,
    });
    expect(server.stats().requests).toBe(calls);
  });

  test('no call mixes the rows of two groups, and each row is sent once', () => {
    const sent = sentTo().filter((parts): parts is string[] => typeof parts[0] === 'string');
    expect(sent).toHaveLength(batches);
    expect(sent.filter((texts) => new Set(texts.map(groupNamed)).size !== 1)).toEqual([]);
    const rows = sent.flat();
    expect(rows).toHaveLength(ROWS);
    expect(new Set(rows).size).toBe(ROWS);
  });

  test('no group’s name goes into a prompt but by its rows', () => {
    const others = server.requests!.flatMap(({ messages }) => messages.slice(0, -1).map(({ content }) => content as string));
    expect(others.filter((content) => content.includes('größe'))).toEqual([]);
  });

  test('each group’s root stands on all rows of its own group and no other, the run’s on all', async () => {
    const beneath = new Map<string, string[]>();
    const requests = sentTo();
    for (const parts of requests) if (typeof parts[0] === 'string') beneath.set(digest(parts), parts as string[]);
    // A fold is sent after what it folds.
    for (const parts of requests) {
      if (typeof parts[0] === 'string') continue;
      const summaries = (parts as { summary: string }[]).map(({ summary }) => summary);
      const rows = summaries.flatMap((summary) => beneath.get(summary) ?? [`nobody was answered ${summary}`]);
      beneath.set(digest(summaries), rows);
    }
    const { rows: groups } = await query(out, 'select group_key, row_count, rows_failed, status, summary from group_summaries');
    expect(groups).toHaveLength(GROUPS);
    const rowsOf = Map.groupBy(
      groupOf.map((group, row) => ({ name: nameOf(group), text: textOf(row, group) })),
      ({ name }) => name,
    );
    for (const { group_key: name, row_count: count, rows_failed: failed, status, summary } of groups) {
      const expected = rowsOf.get(String(name))?.map(({ text }) => text);
      expect({ failed, status, count }).toEqual({ failed: 0, status: 'ok', count: expected?.length });
      expect(beneath.get(String(summary))).toEqual(expected);
    }
    const root = beneath.get(String(recordOf(first).summary)) ?? [];
    expect(root).toHaveLength(ROWS);
    expect(new Set(root).size).toBe(ROWS);
  });

  test('row numbers are positions in the upload, each once, joined to the summary of their group’s batch', async () => {
    const { rows } = await query(
      out,
      `select count(*) as n, count(distinct r.row_number) as numbers, min(r.row_number) as least, max(r.row_number) as most,
         count(*) filter (r.id = 'r' || r.row_number) as placed, count(*) filter (r.group_key = b.group_key and r.summary = b.summary) as joined
       from row_summaries r join batch_summaries b on b.level = 0 and b.batch_id = r.batch_id`,
    );
    expect(rows).toEqual([{ n: ROWS, numbers: ROWS, least: 0, most: ROWS - 1, placed: ROWS, joined: ROWS }]);
  });

  test('what the groups cost and what the folds above them cost is what the run cost', async () => {
    const { rows } = await query(
      out,
      `select (select sum(cost_usd) from group_summaries) as groups,
         (select sum(cost_usd) from batch_summaries where group_key is null) as above, (select cost_usd from runs) as run`,
    );
    const [{ groups, above, run } = {}] = rows as Record<string, number>[];
    expect(Number(groups)).toBeGreaterThan(0);
    expect(Number(groups) + Number(above)).toBeCloseTo(Number(run), 9);
  });

  test('run again: no call, the same tables to the byte', async () => {
    const hashes = tableHashes(out);
    const again = await callProgram(['run', file, '--group-column', 'product', '--json', '--out', out], { env: endpointEnv(server) });
    expect(recordOf(again)).toMatchObject({ calls, calls_this_attempt: 0 });
    expect(server.stats().requests).toBe(calls);
    expect(tableHashes(out)).toEqual(hashes);
  });

  test('small groups left out: their rows are skipped, and none of them is sent', async () => {
    const before = server.stats().requests;
    const args = ['run', file, '--group-column', 'product', '--min-group-rows', '20', '--json', '--out', out];
    const kept = sizes.filter((size) => size >= 20);
    const keptRows = kept.reduce((all, size) => all + size, 0);
    expect(recordOf(await callProgram(args, { env: endpointEnv(server) }))).toMatchObject({
      ...{ status: 'complete', rows_in: ROWS, rows_summarized: keptRows, rows_skipped: ROWS - keptRows, groups: kept.length },
      // Their batches were answered in the run before.
      calls_this_attempt: folds(kept.length),
    });
    expect(server.stats().requests).toBe(before + folds(kept.length));
    const { rows } = await query(
      out,
      `select count(*) as n, count(*) filter (r.batch_id is null and r.summary is null) as empty, min(r.error_code) as code
       from row_summaries r join runs u using (run_id) where u.rows_skipped > 0 and r.status = 'skipped'`,
    );
    expect(rows).toEqual([{ n: ROWS - keptRows, empty: ROWS - keptRows, code: null }]);
  });
});
