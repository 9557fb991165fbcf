import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { planLevels } from '../../../functions/plan-batches/plan-levels.ts';
import { noCounts } from '../../../functions/plan-batches/stage-rows.ts';
import type { Batch } from '../../../functions/shared/contract.ts';
import { FoldShape, fanInOf, foldShapeOf, SUMMARY_OVERHEAD_TOKENS } from '../../../functions/shared/fold.ts';
import { foldablesKey, manifestKey } from '../../../functions/shared/object-keys.ts';
import { defaultSettings } from '../../../functions/shared/settings.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RUN_ID, sampleRun } from '../../fakes/sample-run.ts';

const batchOf = (batchId: number, firstRow: number, rows: number): Batch => ({
  ...{ batchId, level: 0, groupKey: null, partKey: `runs/${RUN_ID}/level-0/parts/ä.jsonl`, start: batchId * 7, end: batchId * 7 + 5 },
  ...{ firstRow, rows, tokensEstimate: 10, parent: null },
});

const countsOf = (batches: number) => ({ ...noCounts, batches, largestGroupBatches: batches });

/** Settings whose fan-in is the given one. */
const settingsOf = (fanIn: number) => ({
  rollUp: true,
  maxBatchTokens: 100_000,
  maxOutputTokens: Math.floor(100_000 / fanIn) - SUMMARY_OVERHEAD_TOKENS,
});

async function planned(rowsOfBatches: readonly number[], fanIn: number, chunkBytes = 64 * 1024) {
  const run = sampleRun({ settings: settingsOf(fanIn) });
  expect(fanInOf(run.settings)).toBe(fanIn);
  const work = new MemoryStore('work', { chunkBytes });
  let firstRow = 0;
  const batches = rowsOfBatches.map((rows, batchId) => {
    // A rejected row lies between two batches.
    const batch = batchOf(batchId, firstRow, rows);
    firstRow += rows + 1;
    return batch;
  });
  work.seed(manifestKey(RUN_ID, 0), batches.map((batch) => `${JSON.stringify(batch)}\n`).join(''));
  await planLevels(run, countsOf(batches.length), work);
  return { run, work, batches, shape: foldShapeOf(batches.length, run.settings) };
}

const fanIns = fc.integer({ min: 2, max: 50 });
const rows = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 300 });

test('the folds of each level are ranges of the lines beneath, each line in one of them, in order', async () => {
  await fc.assert(
    fc.asyncProperty(rows, fanIns, fc.integer({ min: 30, max: 3_000 }), async (rowsOfBatches, fanIn, chunkBytes) => {
      const { work, batches, shape } = await planned(rowsOfBatches, fanIn, chunkBytes);
      const all = rowsOfBatches.reduce((sum, count) => sum + count, 0);
      let below = batches;
      for (let level = 1; level < shape.places.length; level++) {
        const folds = work.jsonLines<Batch>(manifestKey(RUN_ID, level));
        const bytes = work.bytes(foldablesKey(RUN_ID, level - 1));
        expect(folds.map(({ batchId }) => batchId)).toEqual(Array.from({ length: shape.folds(level) }, (_, fold) => fold));
        const taken = folds.map(({ partKey, start, end }) => {
          expect(partKey).toBe(foldablesKey(RUN_ID, level - 1));
          return bytes
            .subarray(start, end)
            .toString('utf8')
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line) as Batch);
        });
        const alone = below.slice(taken.flat().length);
        expect(alone.length).toBe(below.length % fanIn === 1 ? 1 : 0);
        expect([...taken.flat(), ...alone]).toEqual(below);
        for (const [index, fold] of folds.entries()) {
          const children = taken[index] as Batch[];
          expect(children.length >= 2 && children.length <= fanIn).toBe(true);
          expect(children.map(shape.parentOf, shape)).toEqual(children.map(() => ({ level, batchId: fold.batchId })));
          expect(fold).toMatchObject({ level, groupKey: null, firstRow: children[0]?.firstRow });
          expect(fold.rows).toBe(children.reduce((sum, child) => sum + child.rows, 0));
        }
        below = level + 1 < shape.places.length ? work.jsonLines<Batch>(foldablesKey(RUN_ID, level)) : [...folds, ...alone];
        expect(below).toEqual([...folds, ...alone]);
        expect(below.reduce((sum, place) => sum + place.rows, 0)).toBe(all);
        expect(below).toHaveLength(shape.places[level] as number);
      }
      expect(below).toHaveLength(1);
      expect(below[0]).toMatchObject({ firstRow: 0, rows: all });
    }),
    { numRuns: 60 },
  );
});

describe('planning', () => {
  test('again gives the same bytes', async () => {
    const { work, run, batches } = await planned(Array(101).fill(3), 10);
    const before = work.keys().map((key) => [key, work.text(key)]);
    await planLevels(run, countsOf(batches.length), work);
    expect(work.keys().map((key) => [key, work.text(key)])).toEqual(before);
  });

  test('again after a crash at any of its writes gives the same bytes', async () => {
    const reference = await planned(Array(101).fill(3), 10);
    const writes = reference.work.writtenKeys.length;
    expect(writes).toBe(6);
    for (let nth = 1; nth <= writes; nth++) {
      const work = new MemoryStore('work');
      work.seed(manifestKey(RUN_ID, 0), reference.work.text(manifestKey(RUN_ID, 0)));
      if (nth % 2) work.crashBefore(/level-/, { nth });
      else work.crashAfter(/level-/, { nth });
      await expect(planLevels(reference.run, countsOf(101), work)).rejects.toMatchObject({ name: 'CrashError' });
      await planLevels(reference.run, countsOf(101), work);
      expect(work.keys().map((key) => work.text(key))).toEqual(reference.work.keys().map((key) => reference.work.text(key)));
    }
  });

  test('of one batch, or without roll-up, plans nothing', async () => {
    expect((await planned([5], 10)).work.writtenKeys).toEqual([]);
    const { work } = await planned([5, 5], 10);
    work.operations.length = 0;
    await planLevels(sampleRun({ settings: { rollUp: false } }), countsOf(2), work);
    expect(work.operations).toEqual([]);
  });

  test('under the default settings takes a hundred at a time: 250 batches, 3 folds, the root', async () => {
    const work = new MemoryStore('work');
    work.seed(
      manifestKey(RUN_ID, 0),
      Array.from({ length: 250 }, (_, batchId) => `${JSON.stringify(batchOf(batchId, batchId * 100, 100))}\n`).join(''),
    );
    await planLevels(sampleRun({ settings: defaultSettings }), countsOf(250), work);
    expect(work.jsonLines<Batch>(manifestKey(RUN_ID, 1)).map(({ rows: beneath, firstRow }) => [beneath, firstRow])).toEqual([
      [10_000, 0],
      [10_000, 10_000],
      [5_000, 20_000],
    ]);
    expect(work.jsonLines<Batch>(manifestKey(RUN_ID, 2))).toMatchObject([{ batchId: 0, level: 2, rows: 25_000, firstRow: 0 }]);
    expect(work.keys(manifestKey(RUN_ID, 3))).toEqual([]);
    expect(new FoldShape(250, 100).places).toHaveLength(3);
  });
});
