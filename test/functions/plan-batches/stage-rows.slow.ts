import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { joinManifest } from '../../../functions/plan-batches/join-manifest.ts';
import { noCounts, type PlanningState, stageRows } from '../../../functions/plan-batches/stage-rows.ts';
import type { Upload } from '../../../functions/plan-batches/upload.ts';
import type { Batch, Rejection, Run, StagedRow } from '../../../functions/shared/contract.ts';
import {
  manifestKey,
  partKey,
  partManifestKey,
  partStateKey,
  partsKey,
  rejectedKey,
  stagedManifestKey,
} from '../../../functions/shared/object-keys.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { manyTexts, RUN_ID, type SampleRecord, sampleRun, sampleUpload } from '../../fakes/sample-run.ts';

interface Staged {
  work: MemoryStore;
  state: PlanningState;
  batches: Batch[];
  /** The rows that the manifest's byte ranges hold, batch by batch. */
  rowsOf: StagedRow[][];
}

async function stage(records: readonly SampleRecord[], run: Run = sampleRun()): Promise<Staged> {
  const work = new MemoryStore('work');
  const state = await stageRows(sampleUpload(records), run, work, null, () => false);
  await joinManifest(work, run, state.counts);
  const batches = work.jsonLines<Batch>(manifestKey(RUN_ID, 0));
  const rowsOf = batches.map(({ partKey: key, start, end }) => {
    return work
      .bytes(key)
      .subarray(start, end)
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as StagedRow);
  });
  return { work, state, batches, rowsOf };
}

describe('batches', () => {
  test('have batchRows rows, the last one what is left', async () => {
    const { batches, state } = await stage(manyTexts(250));
    expect(batches.map(({ batchId, firstRow, rows }) => [batchId, firstRow, rows])).toEqual([
      [0, 0, 100],
      [1, 100, 100],
      [2, 200, 50],
    ]);
    expect(batches.every(({ level, groupKey }) => level === 0 && groupKey === null)).toBe(true);
    expect(state).toMatchObject({ isLast: true, counts: { parts: 1, rowsIn: 250, rowsStaged: 250, rowsRejected: 0, batches: 3 } });
  });

  test.each([
    [100, 50, [50, 50]],
    [99, 50, [50, 49]],
    [101, 50, [50, 50, 1]],
    [3, 1, [1, 1, 1]],
    [3, 1_000, [3]],
  ])('of %d rows by %d', async (rows, batchRows, expected) => {
    const { batches } = await stage(manyTexts(rows), sampleRun({ settings: { batchRows } }));
    expect(batches.map((batch) => batch.rows)).toEqual(expected);
  });

  test('end early where the next text would go above the token cap, and a text above it stands alone', async () => {
    // 1,000 bytes are 400 tokens, at most: two fit under 1,000.
    const texts = [1_000, 1_000, 1_000, 500, 1_000, 2_500, 2_501, 5_000, 10].map((bytes) => 'x'.repeat(bytes));
    const { batches } = await stage(texts, sampleRun({ settings: { maxBatchTokens: 1_000 } }));
    expect(batches.map(({ rows, tokensEstimate }) => [rows, tokensEstimate])).toEqual([
      [2, 800],
      [3, 1_000],
      [1, 1_000],
      [1, 1_001],
      [1, 2_000],
      [1, 4],
    ]);
  });

  test('count bytes of UTF-8 towards the cap, not characters', async () => {
    const { batches } = await stage(['ü'.repeat(1_250), 'x'], sampleRun({ settings: { maxBatchTokens: 1_000 } }));
    expect(batches.map((batch) => batch.tokensEstimate)).toEqual([1_000, 1]);
  });

  test('go over rejected rows', async () => {
    const records = manyTexts(10).map((text, row): SampleRecord => (row % 3 === 0 ? { reason: 'empty_text' } : text));
    const { batches, rowsOf, work, state } = await stage(records, sampleRun({ settings: { batchRows: 4 } }));
    expect(batches.map(({ firstRow, rows }) => [firstRow, rows])).toEqual([
      [1, 4],
      [7, 2],
    ]);
    expect(rowsOf.flat().map(({ rowNumber }) => rowNumber)).toEqual([1, 2, 4, 5, 7, 8]);
    expect(work.jsonLines(rejectedKey(RUN_ID, 0))).toEqual(
      [0, 3, 6, 9].map((rowNumber) => ({ rowNumber, line: rowNumber + 2, reason: 'empty_text', raw: `raw ${rowNumber}` })),
    );
    expect(state.counts).toMatchObject({ rowsIn: 10, rowsStaged: 6, rowsRejected: 4 });
  });

  test('have the rows whole: id, text, attributes', async () => {
    const { rowsOf } = await stage(['line\nbreak, "quotes" and 🦊']);
    expect(rowsOf).toEqual([
      [
        {
          ...{ rowNumber: 0, id: 'id-0', text: 'line\nbreak, "quotes" and 🦊' },
          ...{ groupKey: null, truncated: false, attributes: '{"stars":0.0}' },
        },
      ],
    ]);
  });
});

test('the byte ranges of the manifest, one after the other, hold every row once', async () => {
  const record = fc.oneof(
    { weight: 5, arbitrary: fc.string({ unit: 'binary', maxLength: 1_500 }).filter((text) => text !== '') },
    { weight: 1, arbitrary: fc.constant<SampleRecord>({ reason: 'invalid_json' }) },
  );
  const settings = fc.record({ batchRows: fc.integer({ min: 1, max: 12 }), maxBatchTokens: fc.integer({ min: 1_000, max: 2_000 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 60 }), settings, async (records, limits) => {
      const { work, batches, rowsOf } = await stage(records, sampleRun({ settings: limits }));
      let end = 0;
      for (const [index, batch] of batches.entries()) {
        const rows = rowsOf[index] as StagedRow[];
        expect(batch).toMatchObject({ batchId: index, start: end, rows: rows.length, firstRow: rows[0]?.rowNumber });
        expect(rows.length).toBeLessThanOrEqual(limits.batchRows);
        if (rows.length > 1) expect(batch.tokensEstimate).toBeLessThanOrEqual(limits.maxBatchTokens);
        end = batch.end;
      }
      expect(end).toBe(Buffer.byteLength(work.text(partKey(RUN_ID, 0))));
      const expected = records.flatMap((text, rowNumber) => (typeof text === 'string' ? [{ rowNumber, text }] : []));
      expect(rowsOf.flat().map(({ rowNumber, text }) => ({ rowNumber, text }))).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});

describe('parts', () => {
  /** Planning that is called again after every part. */
  async function stageInPieces(upload: Upload, run: Run, work: MemoryStore): Promise<PlanningState> {
    let continueWithPart: number | null = null;
    for (;;) {
      const state = await stageRows(upload, run, work, continueWithPart, () => true);
      if (state.isLast) return state;
      expect(state.counts.parts).toBe((continueWithPart ?? 0) + 1);
      continueWithPart = state.counts.parts;
    }
  }

  test('end at 100,000 rows; an interruption after each gives the very same objects', async () => {
    const isRejected = (row: number) => row % 50_000 === 49_999 || (row >= 100_002 && row < 100_010);
    const records = Array.from({ length: 250_000 }, (_, row): SampleRecord => (isRejected(row) ? { reason: 'empty_text' } : `t${row}`));
    const run = sampleRun();
    const whole = new MemoryStore('work');
    const state = await stageRows(sampleUpload(records, { groupRows: 1_000 }), run, whole, null, () => false);
    const pieces = new MemoryStore('work');
    expect(await stageInPieces(sampleUpload(records, { groupRows: 1_000 }), run, pieces)).toEqual(state);

    // Of each part its rows, manifest, rejections and state, and of all but the last the ids.
    expect(whole.keys()).toHaveLength(4 * 3 + 2);
    expect(pieces.keys()).toEqual(whole.keys());
    expect(pieces.keys().filter((key) => pieces.text(key) !== whole.text(key))).toEqual([]);

    const parts = [0, 1, 2].map((part) => ({
      batches: whole.jsonLines<Batch>(stagedManifestKey(RUN_ID, part)),
      rejected: whole.jsonLines<Rejection>(rejectedKey(RUN_ID, part)).map(({ rowNumber }) => rowNumber),
    }));
    expect(parts.map(({ batches }) => batches.reduce((rows, batch) => rows + batch.rows, 0))).toEqual([100_000, 100_000, 49_987]);
    // Rejected rows between the last row of a part and the first of the next belong to the earlier one.
    expect(parts[0]?.rejected).toEqual([49_999, 99_999, ...Array.from({ length: 8 }, (_, index) => 100_002 + index)]);
    expect(parts[1]?.batches[0]?.firstRow).toBe(100_010);
    expect(parts[1]?.rejected).toEqual([149_999, 199_999]);
    expect(parts[2]?.rejected).toEqual([249_999]);
    expect(parts.flatMap(({ batches }) => batches.map(({ batchId }) => batchId))).toEqual(Array.from({ length: 2_500 }, (_, id) => id));
    expect(parts[1]?.batches[0]).toMatchObject({ partKey: partKey(RUN_ID, 1), start: 0 });
  });

  test('hold whole batches, also where these do not divide 100,000', async () => {
    const work = new MemoryStore('work');
    const run = sampleRun({ settings: { batchRows: 300 } });
    await stageRows(sampleUpload(manyTexts(100_400), { groupRows: 5_000 }), run, work, null, () => false);
    expect(work.jsonLines<Batch>(stagedManifestKey(RUN_ID, 0)).at(-1)).toMatchObject({ batchId: 333, firstRow: 99_900, rows: 300 });
    expect(work.jsonLines<Batch>(stagedManifestKey(RUN_ID, 1))).toEqual([
      expect.objectContaining({ batchId: 334, firstRow: 100_200, rows: 200, start: 0 }),
    ]);
  });

  test('end at 64 MiB of staged rows', async () => {
    const work = new MemoryStore('work');
    const texts = Array.from({ length: 66 }, () => 'x'.repeat(1024 * 1024));
    const run = sampleRun({ settings: { batchRows: 2, maxBatchTokens: 1_000_000 } });
    await stageRows(sampleUpload(texts), run, work, null, () => false);
    // 64 rows of a mebibyte and what JSON has around them.
    expect(work.jsonLines<Batch>(stagedManifestKey(RUN_ID, 0)).map((batch) => batch.rows)).toEqual(Array.from({ length: 32 }, () => 2));
    expect(work.jsonLines<Batch>(stagedManifestKey(RUN_ID, 1))).toEqual([expect.objectContaining({ batchId: 32, firstRow: 64, rows: 2 })]);
  });
});

describe('the limit', () => {
  test.each([
    [1, 1],
    [7, 7],
    [19, 19],
    [20, 20],
    [21, 20],
  ])('of %d of 20 rows stages %d', async (limit, rows) => {
    const { state, rowsOf } = await stage(manyTexts(20), sampleRun({ limit, settings: { batchRows: 8 } }));
    expect(state.counts.rowsIn).toBe(rows);
    expect(rowsOf.flat()).toHaveLength(rows);
    expect(state.isLast).toBe(true);
  });

  test('counts rejected rows, and none behind it is kept', async () => {
    const records: SampleRecord[] = ['a', { reason: 'empty_text' }, 'c', { reason: 'empty_text' }, 'e'];
    const { state, work } = await stage(records, sampleRun({ limit: 3 }));
    expect(state.counts).toMatchObject({ rowsIn: 3, rowsStaged: 2, rowsRejected: 1 });
    expect(work.jsonLines(rejectedKey(RUN_ID, 0))).toHaveLength(1);
  });
});

describe('a pass that breaks off', () => {
  test('leaves no state, and the next pass gives the same objects', async () => {
    const run = sampleRun();
    const reference = await stage(manyTexts(250), run);
    for (const key of [rejectedKey(RUN_ID, 0), stagedManifestKey(RUN_ID, 0), partKey(RUN_ID, 0)]) {
      const work = new MemoryStore('work');
      work.crashBefore(new RegExp(key));
      await expect(stageRows(sampleUpload(manyTexts(250)), run, work, null, () => false)).rejects.toMatchObject({ name: 'CrashError' });
      expect(work.keys(partStateKey(RUN_ID, 0))).toEqual([]);
      await stageRows(sampleUpload(manyTexts(250)), run, work, null, () => false);
      expect(work.keys().map((name) => work.text(name))).toEqual(
        reference.work
          .keys()
          .filter((name) => work.keys().includes(name))
          .map((name) => reference.work.text(name)),
      );
    }
  });

  test('cannot go on where the state before it is missing', async () => {
    const work = new MemoryStore('work');
    await expect(stageRows(sampleUpload(manyTexts(5)), sampleRun(), work, 2, () => false)).rejects.toThrow('part 1');
  });

  test('an upload that fails to read writes nothing', async () => {
    const work = new MemoryStore('work');
    const upload = sampleUpload(manyTexts(5));
    const broken: Upload = {
      ...upload,
      async *rows(from) {
        yield* upload.rows(from);
        throw new Error('The connection was lost');
      },
    };
    await expect(stageRows(broken, sampleRun(), work, null, () => false)).rejects.toThrow('connection');
    expect(work.keys()).toEqual([]);
  });
});

test('the joined manifest is the parts’ manifests in order, and the parts are listed beside it', async () => {
  const work = new MemoryStore('work');
  work.seed(stagedManifestKey(RUN_ID, 0), '{"batchId":0}\n');
  work.seed(stagedManifestKey(RUN_ID, 1), '');
  work.seed(stagedManifestKey(RUN_ID, 2), '{"batchId":1}\n{"batchId":2}\n');
  const counts = { ...noCounts, parts: 3, batches: 3, largestGroupBatches: 3 };
  await joinManifest(work, sampleRun({ settings: { rollUp: true } }), counts);
  const lineOf = (batchId: number) => `{"batchId":${batchId},"parent":{"level":1,"batchId":0}}\n`;
  expect(work.text(manifestKey(RUN_ID, 0))).toBe([0, 1, 2].map(lineOf).join(''));
  expect([0, 1, 2].map((part) => work.text(partManifestKey(RUN_ID, part)))).toEqual([lineOf(0), '', lineOf(1) + lineOf(2)]);
  expect(work.text(partsKey(RUN_ID))).toBe('{"part":"000000"}\n{"part":"000001"}\n{"part":"000002"}\n{"part":"levels"}\n');
});

test('a part manifest that is missing leaves no joined manifest', async () => {
  const work = new MemoryStore('work');
  work.seed(stagedManifestKey(RUN_ID, 0), '{"batchId":0}\n');
  const counts = { ...noCounts, parts: 2, batches: 2, largestGroupBatches: 2 };
  await expect(joinManifest(work, sampleRun(), counts)).rejects.toMatchObject({ name: 'ObjectNotFound' });
  expect(work.keys(manifestKey(RUN_ID, 0))).toEqual([]);
});
