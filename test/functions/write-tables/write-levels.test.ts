import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Batch } from '../../../functions/shared/contract.ts';
import { foldShapeOf } from '../../../functions/shared/fold.ts';
import {
  LEVELS_PART,
  manifestKey,
  outcomeKey,
  partName,
  planKey,
  receiptKey,
  stagedTableKey,
} from '../../../functions/shared/object-keys.ts';
import type { Outcome } from '../../../functions/shared/outcome.ts';
import { levelsReceiptSchema } from '../../../functions/shared/receipt.ts';
import { writeTables } from '../../../functions/write-tables/write-tables.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { ACCEPTED_AT, manyTexts, planSample, RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { parquetRows } from './parquet-content.ts';

/** Three summaries a fold. */
const run = sampleRun({ settings: { batchRows: 1, rollUp: true, maxBatchTokens: 1_000 } });

const outcomeOf = ({ level, batchId }: Batch, changes: Partial<Outcome> = {}): Outcome => ({
  ...{ batchId, level, attempt: 1, tries: 1, status: 'ok', error: null, failedRows: [], rowsFailed: 0, fromCache: false },
  ...{ promptVersion: '1', contentKey: null },
  answer: { text: `${level}/${batchId}`, finishReason: 'stop', model: 'm', serviceTier: null, latencyMs: 1, createdAt: ACCEPTED_AT },
  payments: [{ answerId: 'one', attempt: 1, calls: 1, inputTokens: 10, outputTokens: 1, costUsd: 0.01 }],
  ...changes,
});

/** A planned run of one row a batch, with an outcome of every batch and fold for which `changesOf` does not give null. */
async function prepare(rows: number, changesOf: (batch: Batch) => Partial<Outcome> | null = () => ({})) {
  const work = new MemoryStore('work');
  const batches = await planSample(work, run, manyTexts(rows));
  const { places } = foldShapeOf(rows, run.settings);
  const folds = places.slice(1).flatMap((_, index) => work.jsonLines<Batch>(manifestKey(RUN_ID, index + 1)));
  for (const batch of [...batches, ...folds]) {
    const changes = changesOf(batch);
    if (changes) work.seed(outcomeKey(RUN_ID, batch.level, batch.batchId), JSON.stringify(outcomeOf(batch, changes)));
  }
  const write = async (part: string, attempt = 1, stopReason: string | null = null) =>
    writeTables({ run: { ...run, attempt }, part, stopReason }, { work });
  const rowsOf = async (part: string) => {
    const key = stagedTableKey(RUN_ID, 'batch_summaries', part);
    return work.keys(key).length > 0 ? parquetRows(work.bytes(key)) : [];
  };
  const receipt = () => levelsReceiptSchema.parse(work.json(receiptKey(RUN_ID, LEVELS_PART)));
  return { work, folds, write, rowsOf, receipt };
}

test('every batch of every level has a parent that stands in the table, all the way to the one root', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 90 }), async (rows) => {
      const { write, rowsOf, receipt } = await prepare(rows);
      await write(partName(0));
      await write(LEVELS_PART);
      const all = [...(await rowsOf(partName(0))), ...(await rowsOf(LEVELS_PART))];
      const byName = new Map(all.map((row) => [`${row.level}/${row.batch_id}`, row]));
      expect(byName.size).toBe(all.length);
      const beneath = new Map<string, bigint>();
      const roots: string[] = [];
      for (const [name, row] of byName) {
        const parent = `${row.parent_level}/${row.parent_batch_id}`;
        if (row.parent_level === null) {
          expect(row.parent_batch_id).toBeNull();
          roots.push(name);
        } else {
          expect(byName.has(parent)).toBe(true);
          beneath.set(parent, (beneath.get(parent) ?? 0n) + (row.row_count as bigint));
        }
      }
      // What a fold stands for is what its children stand for together.
      for (const [name, count] of beneath) expect(byName.get(name)?.row_count).toBe(count);
      const { places } = foldShapeOf(rows, run.settings);
      expect(roots).toEqual([`${places.length - 1}/0`]);
      expect(byName.get(roots[0] as string)?.row_count).toBe(BigInt(rows));
      expect(receipt()).toMatchObject({ levels: places.length, folds: all.length - rows, foldsIncomplete: 0, calls: all.length - rows });
      expect(receipt().rootKey).toBe(outcomeKey(RUN_ID, places.length - 1, 0));
    }),
    { numRuns: 40 },
  );
});

test('folds that a halted run did not come to have their rows, their parents and the reason', async () => {
  const { write, rowsOf, receipt } = await prepare(10, ({ level, batchId }) => (level === 0 || (level === 1 && batchId === 0) ? {} : null));
  await write(LEVELS_PART, 1, 'budget_exceeded');
  const rows = (await rowsOf(LEVELS_PART)).map((row) => [
    row.level,
    row.batch_id,
    row.parent_level,
    row.status,
    row.error_code,
    row.rows_failed,
  ]);
  // Ten batches: three folds and one passed up, two places, the root.
  expect(rows).toEqual([
    [1, 0n, 2, 'ok', null, 0n],
    [1, 1n, 2, 'failed', 'halted', 3n],
    [1, 2n, 2, 'failed', 'halted', 3n],
    [2, 0n, 3, 'failed', 'halted', 9n],
    [3, 0n, null, 'failed', 'halted', 10n],
  ]);
  expect(receipt()).toMatchObject({ folds: 5, foldsIncomplete: 4, levels: 4, rootKey: null, calls: 1 });
});

test('a fold of the attempt before is not shown, but what it cost is counted', async () => {
  const { write, rowsOf, receipt } = await prepare(4, ({ level }) => (level === 1 ? { attempt: 2 } : {}));
  await write(LEVELS_PART, 2);
  expect((await rowsOf(LEVELS_PART)).map((row) => [row.level, row.status, row.error_code, row.summary, row.input_tokens])).toEqual([
    [1, 'ok', null, '1/0', 10n],
    [2, 'failed', 'no_outcome', null, 10n],
  ]);
  expect(receipt()).toMatchObject({ rootKey: null, calls: 2, callsByAttempt: { 1: 2 }, costUsd: 0.02 });
});

test('levels written again have the same bytes', async () => {
  const { work, write } = await prepare(30);
  await write(LEVELS_PART);
  const before = work.keys().map((key) => [key, work.text(key)]);
  await write(LEVELS_PART);
  expect(work.keys().map((key) => [key, work.text(key)])).toEqual(before);
});

test('parents are those of the plan, whatever settings a later attempt brings', async () => {
  const { work, rowsOf } = await prepare(4);
  const other = { ...run, attempt: 2, settings: { ...run.settings, maxBatchTokens: 100_000 } };
  await writeTables({ run: other, part: partName(0), stopReason: null }, { work });
  expect((await rowsOf(partName(0))).map((row) => [row.parent_level, row.parent_batch_id])).toEqual([
    [1, 0n],
    [1, 0n],
    [1, 0n],
    [2, 0n],
  ]);
});

test('without a plan nothing is written', async () => {
  const { work, write } = await prepare(4);
  await work.delete([planKey(RUN_ID)]);
  for (const part of [partName(0), LEVELS_PART])
    await expect(write(part)).rejects.toMatchObject({ name: 'LedgerError', code: 'plan_missing' });
});

test('an outcome that says ok and has no words is no summary', async () => {
  const { work, write } = await prepare(3, ({ level, batchId }) => (level === 0 && batchId === 1 ? { answer: null } : {}));
  await write(partName(0));
  expect(work.json(receiptKey(RUN_ID, partName(0)))).toMatchObject({ rowsSummarized: 2, rowsFailed: 1, batchesFailed: 1 });
});

test.each([
  [
    'numbers of batches are swapped',
    (lines: string[]) => [
      lines[0],
      lines[2]?.replace('"firstRow":2', '"firstRow":1'),
      lines[1]?.replace('"firstRow":1', '"firstRow":2'),
      lines[3],
    ],
  ],
  ['a batch has the number of another', (lines: string[]) => lines.map((line) => line.replace('"batchId":2', '"batchId":3'))],
  ['a batch lies in another part', (lines: string[]) => lines.map((line) => line.replace('parts/000000', 'parts/000001'))],
])('%s: no row gets the summary of a batch that is not its own', async (_, damage) => {
  const { work, write } = await prepare(4);
  const key = work.keys().find((one) => one.endsWith('000000.batches.jsonl')) as string;
  const lines = work.text(key).trimEnd().split('\n');
  work.seed(
    key,
    damage(lines)
      .map((line) => `${line}\n`)
      .join(''),
  );
  await expect(write(partName(0))).rejects.toMatchObject({ name: 'InvalidBatchError', code: 'staged_rows_differ' });
  expect(work.keys(receiptKey(RUN_ID, partName(0)))).toEqual([]);
});
