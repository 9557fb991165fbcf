import { describe, expect, test } from '@jest/globals';
import { shareOfFunction } from '../../../functions/plan-batches/plan-batches.ts';
import { planBatchesOutput } from '../../../functions/shared/contract.ts';
import { manifestKey, partsKey, planKey, refusalKey } from '../../../functions/shared/object-keys.ts';
import { writeRefusal } from '../../../functions/shared/refusal.ts';
import { defaultSettings } from '../../../functions/shared/settings.ts';
import { ACCEPTED_AT, RUN_ID } from '../../fakes/sample-run.ts';
import { csvOf, frozenPlan, KEY, open } from './plan-bench.ts';

describe('a planned upload', () => {
  test('goes on to the map over its manifest', async () => {
    const { plan, run, work } = await open(csvOf(250));
    const planned = await plan();
    expect(planned).toEqual({
      ...{ run, next: 'summarize', level: 0, continueWithPart: null, batchesPerFunction: 1, maxConcurrency: 100, stopReason: null },
      manifest: { bucket: 'work', key: manifestKey(RUN_ID, 0) },
      parts: { bucket: 'work', key: partsKey(RUN_ID) },
    });
    expect(planBatchesOutput.parse(planned)).toEqual(planned);
    expect(work.jsonLines(manifestKey(RUN_ID, 0))).toHaveLength(3);
    expect(work.jsonLines(partsKey(RUN_ID))).toEqual([{ part: '000000' }]);
  });

  test('has its plan written last, with what every attempt shares', async () => {
    const { plan, run, work } = await open(csvOf(250));
    await plan();
    expect(work.writtenKeys.at(-1)).toBe(planKey(RUN_ID));
    const { counts, estimatedCostUsd, ...frozen } = frozenPlan(work);
    expect(frozen).toEqual({
      ...{ runId: RUN_ID, dataset: 'support', source: run.source, endpoint: run.endpoint, limit: null },
      ...{ date: '2026-11-23', startedAt: ACCEPTED_AT, settings: run.settings },
      ...{ format: 'csv', textColumn: 'review', idColumn: 'id', notes: [], folds: [] },
    });
    expect(counts).toMatchObject({ parts: 1, rowsIn: 250, rowsStaged: 250, rowsRejected: 0, rowsTruncated: 0, batches: 3 });
    // An upper estimate: the texts have 250 x 7 tokens and more, the rules come on top of each batch.
    expect(counts.inputTokens).toBeGreaterThan(250 * 7);
    const worstUsd = (counts.inputTokens * 0.1 + 3 * defaultSettings.maxOutputTokens * 0.5) / 1_000_000;
    expect(estimatedCostUsd).toBeCloseTo(worstUsd, 12);
  });

  test('of a model without a known price has no estimate', async () => {
    const { plan, work } = await open(csvOf(5), { settings: { model: 'somebody-elses-model' } });
    await plan();
    expect(frozenPlan(work).estimatedCostUsd).toBeNull();
  });

  test('says in its notes what was cut and what was left out', async () => {
    const { plan, work } = await open(csvOf(20), { limit: 12, settings: { maxRowCharacters: 15 } });
    await plan();
    expect(frozenPlan(work).notes).toEqual(['Only the first 12 rows were read.', '2 texts were cut at 15 characters.']);
    expect(frozenPlan(work).counts).toMatchObject({ rowsIn: 12, rowsTruncated: 2 });
  });

  test('that is shorter than the limit was read to its end, and no note says otherwise', async () => {
    const { plan, work } = await open(csvOf(20), { limit: 30 });
    await plan();
    expect(frozenPlan(work)).toMatchObject({ limit: 30, notes: [], counts: { rowsIn: 20 } });
  });

  test('is announced once for each attempt, with the counts and no words of it', async () => {
    const { plan, events, run } = await open(`id,review\n1,the customer said\n2,\n`);
    await plan();
    await plan();
    await plan({ ...run, attempt: 2 });
    expect(events.events.map(({ detail }) => detail.eventId)).toEqual([
      `${RUN_ID}-1-started`,
      `${RUN_ID}-1-started`,
      `${RUN_ID}-2-started`,
    ]);
    expect(events.events[0]).toMatchObject({
      type: 'Run Started',
      detail: {
        ...{ version: '1', runId: RUN_ID, attempt: 1, dataset: 'support', status: 'started' },
        source: { bucket: 'input', key: KEY, versionId: 'v1' },
        ...{
          rowsIn: 2,
          rowsSummarized: 0,
          rowsFailed: 0,
          rowsRejected: 1,
          rowsSkipped: 0,
          batches: 1,
          batchesFailed: 0,
          calls: 0,
          costUsd: 0,
        },
        results: { bucket: 'results', date: '2026-11-23' },
        ...{ stopCode: null, summaryBucket: 'work', summaryKey: null, query: expect.stringContaining(RUN_ID) },
      },
    });
    expect(JSON.stringify(events.events)).not.toContain('customer');
    expect(events.events[1]).toEqual(events.events[0]);
  });

  test('reads the version that was accepted, not what lies under the key now', async () => {
    const { plan, input } = await open(csvOf(5));
    input.seed(KEY, csvOf(500));
    await expect(plan()).rejects.toMatchObject({ name: 'ObjectNotFound' });
  });

  test('without a first attempt is an error: nobody accepted it', async () => {
    const { plan, work } = await open(csvOf(5));
    await work.delete(work.keys('runs/'));
    await expect(plan()).rejects.toThrow('has no first attempt');
  });
});

describe('a refused upload', () => {
  test('leaves the reason for its owner and nothing else to go on with', async () => {
    const { plan, work, events } = await open('%PDF-1.7\n');
    await expect(plan()).rejects.toMatchObject({ name: 'InvalidUploadError', code: 'pdf' });
    expect(work.json(refusalKey(RUN_ID))).toEqual({
      ...{ origin: 'upload', code: 'pdf', reason: expect.stringContaining('july.csv is a PDF') },
    });
    expect(work.keys(planKey(RUN_ID))).toEqual([]);
    expect(events.events).toEqual([]);
  });

  test('has no row that can be summarized: the columns are named', async () => {
    const { plan, work } = await open('id,review,stars\n1,,5\n2, ,4\n');
    await expect(plan()).rejects.toMatchObject({ name: 'InvalidUploadError', code: 'no_usable_rows' });
    const { reason } = work.json<{ reason: string }>(refusalKey(RUN_ID));
    expect(reason).toContain('None of the 2 rows');
    expect(reason).toContain('"review"');
    expect(reason).toContain('id, review, stars');
  });

  test('whose settings were refused is not looked at', async () => {
    const { plan, work, input, run } = await open(csvOf(5));
    await writeRefusal(work, run.runId, { reason: 'batchRows: too small', origin: 'settings' });
    await expect(plan()).rejects.toMatchObject({ name: 'InvalidUploadError', code: 'invalid_settings', message: 'batchRows: too small' });
    expect(input.operations).toEqual([]);
    expect(work.json(refusalKey(RUN_ID))).toEqual({ reason: 'batchRows: too small', origin: 'settings' });
  });

  test('for its content is looked at again: the refusal may be of a version that read less', async () => {
    const { plan, work, run } = await open(csvOf(5));
    await writeRefusal(work, run.runId, { reason: 'not understood', origin: 'upload' });
    expect((await plan()).next).toBe('summarize');
  });
});

describe('what comes after the summaries', () => {
  test('is the writing of the tables', async () => {
    const { plan, run } = await open(csvOf(5));
    await plan();
    expect(await plan(run, 1)).toMatchObject({
      ...{ next: 'write', level: 1, stopReason: null },
      parts: { bucket: 'work', key: partsKey(RUN_ID) },
    });
  });

  test('a halted attempt goes there at once and says why; the next attempt does not', async () => {
    const { plan, run, control } = await open(csvOf(5));
    await plan();
    await control.halt(RUN_ID, 1, 'budget_exceeded');
    expect(await plan()).toMatchObject({ next: 'write', stopReason: 'budget_exceeded' });
    expect(await plan(run, 1)).toMatchObject({ next: 'write', level: 1, stopReason: 'budget_exceeded' });
    expect(await plan({ ...run, attempt: 2 })).toMatchObject({ next: 'summarize', stopReason: null });
  });
});

test.each([
  [1, 1],
  [99, 1],
  [100, 10],
  [1_999, 10],
  [20_000, 10],
  [20_001, 11],
  [48_000, 24],
  [50_000, 25],
  [1_000_000, 25],
])('%d batches: %d a function', (batches, share) => {
  expect(shareOfFunction(batches)).toBe(share);
});

test.each([
  [1, 1],
  [5, 1],
  [100, 10],
  [101, 11],
])('for %d calls in flight of 100 batches, %d functions of ten each run at once', async (concurrency, functions) => {
  const { plan, ports } = await open(csvOf(100), { settings: { batchRows: 1 } });
  ports.concurrency = concurrency;
  expect(await plan()).toMatchObject({ batchesPerFunction: 10, maxConcurrency: functions });
});
