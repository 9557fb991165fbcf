import { expect, test } from '@jest/globals';
import { groupingLimits } from '../../../functions/plan-batches/grouping-limits.ts';
import type { Batch } from '../../../functions/shared/contract.ts';
import { LEVELS_PART, outcomeKey, partName, partSumsKey, partsKey, stagedTableKey } from '../../../functions/shared/object-keys.ts';
import type { Outcome } from '../../../functions/shared/outcome.ts';
import type { Settings } from '../../../functions/shared/settings.ts';
import { foldThemes, mergeEqualNames } from '../../../functions/shared/theme.ts';
import { writeTables } from '../../../functions/write-tables/write-tables.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { ACCEPTED_AT, planSample, RUN_ID, type SampleRecord, sampleRun } from '../../fakes/sample-run.ts';
import { parquetRows } from './parquet-content.ts';

/** Group a has 13 of 24 rows, and parts end after six: its batches lie in several. */
const records = Array.from({ length: 24 }, (_, row): SampleRecord => ({ text: `text ${row}`, groupKey: row < 13 ? 'a' : `g${row % 4}` }));
const limits = { ...groupingLimits, partRows: 6 };
/** Sums of such are not those of another order. */
const costOf = (batchId: number, attempt: number) => (attempt * (batchId + 1)) / 10;
const theme = { name: 'Zips', statement: 'On zips.', mentions: 1 };

const outcomeOf = ({ level, batchId, firstRow, parent }: Batch, attempt: number): Outcome => ({
  ...{ batchId, level, attempt, tries: 1, status: batchId % 5 === 4 ? 'partial' : 'ok', error: null, rowsFailed: level },
  ...{ fromCache: false, promptVersion: '1', contentKey: null },
  failedRows: level === 0 && batchId % 5 === 4 ? [{ rowNumber: firstRow, code: 'refusal' }] : [],
  answer: { text: `${level}/${batchId}`, finishReason: 'stop', model: 'm', serviceTier: null, latencyMs: 1, createdAt: ACCEPTED_AT },
  payments: [
    { answerId: 'one', attempt, calls: 1, inputTokens: 10, outputTokens: 1, costUsd: costOf(batchId, attempt) },
    { answerId: 'two', attempt, calls: 0, inputTokens: 10, outputTokens: 1, costUsd: 0.7 },
  ],
  ...(level === 0
    ? { claims: [{ ...theme, theme: 'zips', sentiment: 'positive', evidence: [{ rowNumber: firstRow, id: `id-${firstRow}`, quote: '' }] }] }
    : { themes: { ...foldThemes(mergeEqualNames([theme]), []), namesKey: null, parent } }),
});

async function prepare(settings: Partial<Settings> = {}) {
  const run = sampleRun({
    settings: { batchRows: 2, rollUp: true, maxBatchTokens: 1_000, groupColumn: 'product', insights: true, ...settings },
  });
  const work = new MemoryStore('work');
  const batches = await planSample(work, run, records, limits);
  const levels = work.keys().filter((key) => /level-[1-9]\/batches/.test(key));
  const all = [...batches, ...levels.flatMap((key) => work.jsonLines<Batch>(key))];
  const summarize = (attempt: number) => {
    for (const batch of all) work.seed(outcomeKey(RUN_ID, batch.level, batch.batchId), JSON.stringify(outcomeOf(batch, attempt)));
  };
  summarize(1);
  const parts = work.jsonLines<{ part: string }>(partsKey(RUN_ID)).map(({ part }) => part);
  expect(parts.length).toBeGreaterThan(4);
  const write = async (names: readonly string[], attempt = 1) => {
    for (const part of names) await writeTables({ run: { ...run, attempt }, part, stopReason: null }, { work });
  };
  const written = () => work.keys().filter((key) => /\/(tables|receipts|excerpts)\//.test(key));
  const contents = () => written().map((key) => [key, work.text(key)]);
  const rowsOf = (table: string) => parquetRows(work.bytes(stagedTableKey(RUN_ID, table, LEVELS_PART)));
  return { work, all, parts, write, summarize, contents, rowsOf };
}

const outcomesRead = (work: MemoryStore) => work.operations.filter((line) => /^get .*level-0\/outcomes/.test(line)).length;

test.each<[string, Partial<Settings>]>([
  ['groups and themes', {}],
  ['groups', { insights: false }],
  ['groups that are not rolled up', { rollUp: false }],
])('%s: the levels have the same tables, whichever of the parts are written before', async (_, settings) => {
  const after = await prepare(settings);
  await after.write(after.parts);
  for (let first = 0; first < after.parts.length; first++) {
    const { parts, write, contents } = await prepare(settings);
    // As two children of the map that run side by side: some parts, the levels, the others.
    await write([...parts.slice(0, first), LEVELS_PART, ...parts.slice(first, -1)]);
    expect(contents()).toEqual(after.contents());
  }
});

test('where all parts are written the levels read no outcome of their batches', async () => {
  const { work, write, parts } = await prepare();
  await write(parts.slice(0, -1));
  work.operations.length = 0;
  await write([LEVELS_PART]);
  expect(outcomesRead(work)).toBe(0);
  await work.delete([partSumsKey(RUN_ID, 1, 1)]);
  await write([LEVELS_PART]);
  expect(outcomesRead(work)).toBe(work.jsonLines(`runs/${RUN_ID}/level-0/parts/000001.batches.jsonl`).length);
});

test('groups and themes are those of all batches, each once', async () => {
  const { all, write, parts, rowsOf } = await prepare();
  await write(parts);
  const groups = await rowsOf('group_summaries');
  for (const { group_key, row_count, cost_usd } of groups) {
    const ofGroup = all.filter(({ groupKey }) => groupKey === group_key);
    expect(cost_usd).toBeCloseTo(ofGroup.reduce((sum, { batchId }) => sum + costOf(batchId, 1) + 0.7, 0));
    expect(row_count).toBe(BigInt(ofGroup.filter(({ level }) => level === 0).reduce((rows, batch) => rows + batch.rows, 0)));
  }
  expect(groups).toHaveLength(5);
  const batchesOf = (key: unknown) => all.filter(({ level, groupKey }) => level === 0 && (key === null || groupKey === key));
  const themes = await rowsOf('themes');
  expect(themes).toHaveLength(6);
  for (const { group_key, row_count, example_ids } of themes) {
    // A claim of one row stands in every batch.
    expect(row_count).toBe(BigInt(batchesOf(group_key).length));
    const first = batchesOf(group_key).slice(0, 5);
    expect(example_ids).toBe(JSON.stringify(first.map(({ firstRow }) => `id-${firstRow}`)));
  }
});

test('what an earlier attempt has left of its sums is not taken for this one', async () => {
  const { work, write, summarize, parts, contents } = await prepare();
  await write(parts);
  const reference = await prepare();
  for (const one of [{ write, summarize }, reference]) {
    one.summarize(2);
    await one.write([LEVELS_PART, ...parts.slice(0, -1)], 2);
  }
  expect(contents()).toEqual(reference.contents());
  expect(work.keys(partSumsKey(RUN_ID, 2, 0))).toHaveLength(1);
});

test('without groups and themes there are no sums, and none where themes have no root', async () => {
  const work = new MemoryStore('work');
  for (const settings of [{ rollUp: true }, { insights: true }]) {
    const run = sampleRun({ settings });
    await planSample(work, run, ['a', 'b']);
    await writeTables({ run, part: partName(0), stopReason: null }, { work });
  }
  expect(work.keys(`runs/${RUN_ID}/level-0/sums/`)).toEqual([]);
});
