import { describe, expect, test } from '@jest/globals';
import { type PlanBatchesPorts, planBatches, shareOfFunction } from '../../../functions/plan-batches/plan-batches.ts';
import { claimAttempt } from '../../../functions/shared/attempt.ts';
import { planBatchesOutput, type Run } from '../../../functions/shared/contract.ts';
import { JOINED_AT_ONCE_BATCHES } from '../../../functions/shared/limits.ts';
import { manifestKey, partsKey, planKey, refusalKey } from '../../../functions/shared/object-keys.ts';
import { planSchema } from '../../../functions/shared/plan.ts';
import { writeRefusal } from '../../../functions/shared/refusal.ts';
import { defaultSettings, type Settings } from '../../../functions/shared/settings.ts';
import { memoryControl } from '../../../local/memory-control.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RecordingEventSink } from '../../fakes/recording-event-sink.ts';
import { ACCEPTED_AT, RUN_ID, sampleRun } from '../../fakes/sample-run.ts';

const KEY = 'support/july.csv';

const csvOf = (rows: number) =>
  ['id,review,stars', ...Array.from({ length: rows }, (_, row) => `${row},review number ${row},5`)].map((line) => `${line}\n`).join('');

/** A claimed run of an upload, with what planning needs. */
async function open(csv: string, changes: Parameters<typeof sampleRun>[0] = {}) {
  const input = new MemoryStore('input');
  const work = new MemoryStore('work');
  const versionId = input.seed(KEY, csv);
  const run = sampleRun({ source: { bucket: 'input', key: KEY, versionId, bytes: Buffer.byteLength(csv) }, ...changes });
  await claimAttempt(work, run.runId, { attempt: 1, owner: 'execution', acceptedAt: ACCEPTED_AT, settings: run.settings });
  const control = memoryControl();
  const events = new RecordingEventSink();
  const ports: PlanBatchesPorts = { input, work, resultsBucket: 'results', control, events, concurrency: 100, isTimeShort: () => false };
  const plan = (planned: Run = run, level = 0, continueWithPart: number | null = null) =>
    planBatches({ run: planned, level, continueWithPart }, ports);
  return { input, work, run, control, events, ports, plan };
}

const frozenPlan = (work: MemoryStore) => planSchema.parse(work.json(planKey(RUN_ID)));

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

describe('planning again', () => {
  test('adopts the plan without a look at the upload; settings outside the identity are the attempt’s own', async () => {
    const { plan, run, work, input } = await open(csvOf(250), { settings: { batchRows: 50, maxCostUsd: 1 } });
    await plan();
    const before = work.text(planKey(RUN_ID));
    const writes = work.writtenKeys.length;
    const reads = input.operations.length;
    const again = { ...run, attempt: 2, settings: { ...defaultSettings, batchRows: 200, maxCostUsd: 7 } };
    const planned = await plan(again);
    expect(planned.run).toEqual({ ...again, settings: { ...run.settings, maxCostUsd: 7 } satisfies Settings });
    expect(planned.next).toBe('summarize');
    expect(work.text(planKey(RUN_ID))).toBe(before);
    expect(work.writtenKeys).toHaveLength(writes);
    expect(input.operations).toHaveLength(reads);
  });

  test('that loses the race to freeze takes the other’s plan', async () => {
    const { plan, work, events } = await open(csvOf(250));
    const { plan: planElsewhere, work: elsewhere } = await open(csvOf(250));
    await planElsewhere();
    const other = JSON.stringify({ ...elsewhere.json(planKey(RUN_ID)), notes: ['frozen by the other'] });
    work.before(/plan\.json$/, () => void work.seed(planKey(RUN_ID), other), { operation: 'putIfAbsent' });
    expect((await plan()).next).toBe('summarize');
    expect(work.text(planKey(RUN_ID))).toBe(other);
    expect(events.events).toHaveLength(1);
  });

  test('that finds other counts frozen is a conflict, and is not announced', async () => {
    const { plan, work, events } = await open(csvOf(250));
    const { plan: planElsewhere, work: elsewhere } = await open(csvOf(251));
    await planElsewhere();
    work.before(/plan\.json$/, () => void work.seed(planKey(RUN_ID), elsewhere.text(planKey(RUN_ID))), { operation: 'putIfAbsent' });
    await expect(plan()).rejects.toMatchObject({ name: 'ResultConflictError', code: 'plan_conflict' });
    expect(events.events).toEqual([]);
    expect(work.keys(refusalKey(RUN_ID))).toEqual([]);
  });

  test('after a crash at any write ends with the same plan', async () => {
    const reference = await open(csvOf(250));
    await reference.plan();
    for (let nth = 1; nth <= reference.work.writtenKeys.length - 1; nth++) {
      const { plan, work } = await open(csvOf(250));
      if (nth % 2) work.crashBefore(/./, { nth });
      else work.crashAfter(/./, { nth });
      await expect(plan()).rejects.toMatchObject({ name: 'CrashError' });
      await plan();
      expect(work.keys().map((key) => work.text(key))).toEqual(work.keys().map((key) => reference.work.text(key)));
    }
  });
});

test('where time is short planning is called again with the next part, until the upload is staged, and once more to join it', async () => {
  const csv = csvOf(100_150);
  const { plan, ports, run, events, work } = await open(csv);
  ports.isTimeShort = () => true;
  const first = await plan();
  expect(first).toMatchObject({ next: 'plan', level: 0, continueWithPart: 1, run });
  expect(planBatchesOutput.parse(first)).toEqual(first);
  expect(work.keys(planKey(RUN_ID))).toEqual([]);
  expect(events.events).toEqual([]);
  const second = await plan(run, 0, first.continueWithPart);
  expect(second).toMatchObject({ next: 'plan', continueWithPart: 2 });
  expect(await plan(run, 0, second.continueWithPart)).toMatchObject({ next: 'summarize', continueWithPart: null });
  expect(frozenPlan(work).counts).toMatchObject({ parts: 2, rowsIn: 100_150, batches: 1_002 });
  expect(work.jsonLines(partsKey(RUN_ID))).toEqual([{ part: '000000' }, { part: '000001' }]);
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

describe('the join of the manifests', () => {
  const shown = (work: MemoryStore) =>
    [manifestKey(RUN_ID, 0), partsKey(RUN_ID), planKey(RUN_ID)].filter((key) => work.keys(key).length > 0);

  test('has a call of its own where time is short after the last part, which shows nothing before', async () => {
    const whole = await open(csvOf(250));
    await whole.plan();
    const { plan, ports, work, events } = await open(csvOf(250));
    ports.isTimeShort = () => true;
    const staged = await plan();
    expect(staged).toMatchObject({ next: 'plan', level: 0, continueWithPart: 1 });
    expect(planBatchesOutput.parse(staged)).toEqual(staged);
    expect([shown(work), events.events]).toEqual([[], []]);
    // It has the whole time of a function, however short that may look.
    expect(await plan(staged.run, 0, staged.continueWithPart)).toMatchObject({ next: 'summarize', continueWithPart: null });
    expect(work.keys()).toEqual(whole.work.keys());
    expect(work.keys().filter((key) => !work.bytes(key).equals(whole.work.bytes(key)))).toEqual([]);
    expect(frozenPlan(work)).toEqual(frozenPlan(whole.work));
  });

  test('may die at any of its writes and is made again as if it had not', async () => {
    const reference = await open(csvOf(250));
    await reference.plan();
    const opened = async () => {
      const one = await open(csvOf(250));
      one.ports.isTimeShort = () => true;
      await one.plan();
      one.work.operations.length = 0;
      return one;
    };
    const untouched = await opened();
    await untouched.plan(untouched.run, 0, 1);
    const writes = untouched.work.writtenKeys.length;
    expect(writes).toBeGreaterThan(3);
    for (let nth = 1; nth <= writes; nth++) {
      for (const crash of ['crashBefore', 'crashAfter'] as const) {
        const { plan, run, work } = await opened();
        work[crash](/./, { nth });
        await expect(plan(run, 0, 1)).rejects.toMatchObject({ name: 'CrashError' });
        if (nth < writes) expect(work.keys(planKey(RUN_ID))).toEqual([]);
        expect(await plan(run, 0, 1)).toMatchObject({ next: 'summarize' });
        expect(work.keys().filter((key) => !work.bytes(key).equals(reference.work.bytes(key)))).toEqual([]);
      }
    }
  });

  test('has a call of its own where there are many batches, whatever time is left', async () => {
    const { plan, run, work } = await open(csvOf(JOINED_AT_ONCE_BATCHES + 1), { settings: { batchRows: 1 } });
    expect(await plan()).toMatchObject({ next: 'plan', continueWithPart: 1 });
    expect(shown(work)).toEqual([]);
    expect(await plan(run, 0, 1)).toMatchObject({ next: 'summarize' });
    expect(frozenPlan(work).counts).toMatchObject({ parts: 1, batches: JOINED_AT_ONCE_BATCHES + 1 });
  });

  test('is not begun for an upload that is refused for its rows', async () => {
    const { plan, ports, work } = await open('id,review\n1,\n');
    ports.isTimeShort = () => true;
    await expect(plan()).rejects.toMatchObject({ name: 'InvalidUploadError', code: 'no_usable_rows' });
    expect(work.keys(refusalKey(RUN_ID))).toHaveLength(1);
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
