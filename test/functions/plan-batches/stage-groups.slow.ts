import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type GroupingLimits, groupingLimits } from '../../../functions/plan-batches/grouping-limits.ts';
import type { GroupingState } from '../../../functions/plan-batches/grouping-state.ts';
import { joinManifest } from '../../../functions/plan-batches/join-manifest.ts';
import { stageGroups } from '../../../functions/plan-batches/stage-groups.ts';
import { tokensOf } from '../../../functions/plan-batches/staged-part.ts';
import type { Batch, Rejection, Run, StagedRow } from '../../../functions/shared/contract.ts';
import type { GroupLine } from '../../../functions/shared/group-line.ts';
import { groupsKey, manifestKey, partKey, partManifestKey, rejectedKey, skippedKey } from '../../../functions/shared/object-keys.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RUN_ID, type SampleRecord, sampleRun, sampleUpload } from '../../fakes/sample-run.ts';

/** Runs and parts of a few rows, so that a few dozen rows make many of both. */
const small: GroupingLimits = {
  ...groupingLimits,
  ...{ sortedRunBytes: 600, sortedRunRecords: 9, windowBytes: 300, partRows: 12, partBytes: 2_000 },
};

/** Planning that is called again whenever `isTimeShort` says so. */
async function stageInSteps(upload: SampleRecord[], run: Run, work: MemoryStore, isTimeShort: () => boolean): Promise<GroupingState> {
  let continueWith: number | null = null;
  for (;;) {
    const state: GroupingState = await stageGroups(sampleUpload(upload, { groupRows: 4 }), run, work, continueWith, isTimeShort, small);
    if (state.isLast) return state;
    continueWith = state.steps;
  }
}

const rowsIn = (work: MemoryStore, { partKey: key, start, end }: Batch) =>
  work
    .bytes(key)
    .subarray(start, end)
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as StagedRow);

/** The batches that the rows of one group are to have, by their row numbers. */
function cut(rows: readonly { rowNumber: number; text: string }[], { batchRows, maxBatchTokens }: Run['settings']): number[][] {
  const batches: number[][] = [];
  let tokens = 0;
  for (const { rowNumber, text } of rows) {
    const last = batches.at(-1);
    const more = tokensOf(text);
    if (last && last.length < batchRows && tokens + more <= maxBatchTokens) {
      last.push(rowNumber);
      tokens += more;
    } else {
      batches.push([rowNumber]);
      tokens = more;
    }
  }
  return batches;
}

const keys = fc.oneof(fc.constantFrom('', 'a', 'b', '\n"', '🦊', '\uffff', 'ä'), fc.string({ unit: 'binary', maxLength: 3 }));
const record: fc.Arbitrary<SampleRecord> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ text: fc.string({ minLength: 1, maxLength: 90 }), groupKey: keys }) },
  { weight: 1, arbitrary: fc.constant<SampleRecord>({ reason: 'empty_text' }) },
);
const records = fc.array(record, { minLength: 1, maxLength: 120 });
const settings = fc.record({
  ...{ batchRows: fc.integer({ min: 1, max: 5 }), minGroupRows: fc.integer({ min: 1, max: 4 }) },
  groupColumn: fc.constant('product'),
});

test('whatever the rows and the interruptions: each group’s rows in their order in batches of their own, groups in the order of their keys', async () => {
  await fc.assert(
    fc.asyncProperty(records, settings, fc.infiniteStream(fc.boolean()), async (upload, changes, interruptions) => {
      const run = sampleRun({ settings: { ...changes, rollUp: true } });
      const whole = new MemoryStore('work');
      const state = await stageInSteps(upload, run, whole, () => false);
      const pieces = new MemoryStore('work', { chunkBytes: 77 });
      const interrupted = interruptions[Symbol.iterator]();
      expect(await stageInSteps(upload, run, pieces, () => interrupted.next().value as boolean)).toEqual(state);
      await joinManifest(whole, run, state.counts);
      await joinManifest(pieces, run, state.counts);
      expect(pieces.keys()).toEqual(whole.keys());
      expect(pieces.keys().filter((key) => !pieces.bytes(key).equals(whole.bytes(key)))).toEqual([]);

      // The same by grouping all rows in memory.
      const rows = upload.flatMap((one, rowNumber) => (typeof one === 'object' && 'text' in one ? [{ ...one, rowNumber }] : []));
      const groups = [...Map.groupBy(rows, ({ groupKey }) => groupKey)].sort(([one], [other]) => (one < other ? -1 : 1));
      const kept = groups.filter(([, some]) => some.length >= run.settings.minGroupRows);
      const left = groups.filter(([, some]) => some.length < run.settings.minGroupRows);
      const expected = kept.flatMap(([groupKey, some]) => cut(some, run.settings).map((numbers) => ({ groupKey, numbers })));
      const batches = whole.jsonLines<Batch>(manifestKey(RUN_ID, 0));
      expect(
        batches.map((batch) => ({ groupKey: batch.groupKey, numbers: rowsIn(whole, batch).map(({ rowNumber }) => rowNumber) })),
      ).toEqual(expected);
      expect(batches.map(({ batchId }) => batchId)).toEqual(expected.map((_, index) => index));
      expect(batches.flatMap((batch) => rowsIn(whole, batch).map((row) => row.groupKey))).toEqual(
        expected.flatMap(({ groupKey, numbers }) => numbers.map(() => groupKey)),
      );
      expect(batches.map(({ firstRow, rows: count }) => [firstRow, count])).toEqual(
        expected.map(({ numbers }) => [numbers[0], numbers.length]),
      );
      expect(whole.jsonLines<GroupLine>(groupsKey(RUN_ID)).map(({ groupKey, rows: count }) => [groupKey, count])).toEqual(
        kept.map(([groupKey, some]) => [groupKey, some.length]),
      );
      expect(state.counts).toMatchObject({
        ...{ rowsIn: upload.length, rowsStaged: kept.flatMap(([, some]) => some).length, batches: expected.length },
        ...{ groups: kept.length, groupsSkipped: left.length, rowsSkipped: left.flatMap(([, some]) => some).length },
        ...{ rowsRejected: upload.length - rows.length, rowsWithoutGroup: rows.filter(({ groupKey }) => groupKey === '').length },
        largestGroupBatches: Math.max(0, ...kept.map(([, some]) => cut(some, run.settings).length)),
      });

      // The parts together hold every row number once: in a batch, skipped, or rejected.
      const parts = Array.from({ length: state.counts.parts }, (_, part) => ({
        rows: whole.jsonLines<StagedRow>(partKey(RUN_ID, part)),
        skipped: whole.jsonLines<StagedRow>(skippedKey(RUN_ID, part)),
        rejected: whole.jsonLines<Rejection>(rejectedKey(RUN_ID, part)),
        batches: whole.jsonLines<Batch>(partManifestKey(RUN_ID, part)),
      }));
      expect(parts.flatMap((part) => part.batches)).toEqual(batches);
      const numbers = parts.flatMap((part) => [...part.rows, ...part.skipped, ...part.rejected]).map(({ rowNumber }) => rowNumber);
      expect(numbers.toSorted((one, other) => one - other)).toEqual(upload.map((_, rowNumber) => rowNumber));
      expect(parts.flatMap((part) => part.skipped.map(({ groupKey }) => groupKey))).toEqual(
        left.flatMap(([groupKey, some]) => some.map(() => groupKey)),
      );
      for (const part of parts) expect(part.rows.length + part.skipped.length).toBeLessThanOrEqual(small.partRows + run.settings.batchRows);
    }),
    { numRuns: 50 },
  );
});

const many = (rows: number, groupOf: (row: number) => string): SampleRecord[] =>
  Array.from({ length: rows }, (_, row) => ({ text: `text ${row}`, groupKey: groupOf(row) }));
const grouped = sampleRun({ settings: { groupColumn: 'product', batchRows: 3 } });

test('a pass that dies at any of its writes, and is begun again, gives the same objects', async () => {
  const upload = many(60, (row) => `g${row % 7}`);
  const reference = new MemoryStore('work');
  await stageInSteps(upload, grouped, reference, () => false);
  for (let nth = 1; nth <= reference.writtenKeys.length; nth += 5) {
    const work = new MemoryStore('work');
    if (nth % 2) work.crashBefore(/./, { nth });
    else work.crashAfter(/./, { nth });
    await expect(stageInSteps(upload, grouped, work, () => false)).rejects.toMatchObject({ name: 'CrashError' });
    await stageInSteps(upload, grouped, work, () => false);
    expect(work.keys().map((key) => work.text(key))).toEqual(reference.keys().map((key) => reference.text(key)));
  }
});

describe('beyond the limits', () => {
  const stage = (upload: SampleRecord[], limits: Partial<GroupingLimits>) =>
    stageGroups(sampleUpload(upload), grouped, new MemoryStore('work'), null, () => false, { ...small, ...limits });

  test('more rows than can be sorted are refused with the way out', async () => {
    await expect(stage(many(19, String), { maxSortedRuns: 2, sortedRunBytes: 10_000 })).rejects.toMatchObject({
      ...{ name: 'InvalidUploadError', code: 'too_many_rows_to_group', message: expect.stringContaining('split it by groups') },
    });
    expect((await stage(many(18, String), { maxSortedRuns: 2, sortedRunBytes: 10_000 })).isLast).toBe(true);
  });

  test('more groups than can be summarized are refused with the way out; groups that are left out do not count', async () => {
    await expect(stage(many(11, String), { maxGroups: 10 })).rejects.toMatchObject({
      ...{ name: 'InvalidUploadError', code: 'too_many_groups', message: expect.stringContaining('--min-group-rows') },
    });
    expect(
      (
        await stage(
          many(20, (row) => String(row % 10)),
          { maxGroups: 10 },
        )
      ).isLast,
    ).toBe(true);
  });

  test('a disk that is full is said to be full', async () => {
    const work = new MemoryStore('work');
    work.before(/sorted/, () => {
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    });
    await expect(stageGroups(sampleUpload(many(5, String)), grouped, work, null, () => false)).rejects.toMatchObject({
      ...{ name: 'InvalidUploadError', code: 'disk_full', message: expect.stringContaining('twice the size') },
    });
  });

  test('a sorted run that is cut short is an error, not an end', async () => {
    const work = new MemoryStore('work');
    const upload = many(30, (row) => `g${row % 4}`);
    const state = await stageGroups(
      sampleUpload(upload),
      grouped,
      work,
      null,
      () => work.keys().some((key) => key.endsWith('000003.json')),
      small,
    );
    expect(state.isLast).toBe(false);
    const key = work.keys().find((one) => one.endsWith('sorted/000001')) as string;
    work.seed(key, work.bytes(key).subarray(0, 40));
    await expect(stageGroups(sampleUpload(upload), grouped, work, state.steps, () => false, small)).rejects.toThrow('lacks bytes');
  });
});
