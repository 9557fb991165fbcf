import { describe, expect, test } from '@jest/globals';
import { planBatchesOutput } from '../../../functions/shared/contract.ts';
import { JOINED_AT_ONCE_BATCHES } from '../../../functions/shared/limits.ts';
import { manifestKey, partsKey, planKey, refusalKey } from '../../../functions/shared/object-keys.ts';
import { defaultSettings, type Settings } from '../../../functions/shared/settings.ts';
import type { MemoryStore } from '../../fakes/memory-store.ts';
import { RUN_ID } from '../../fakes/sample-run.ts';
import { csvOf, frozenPlan, open } from './plan-bench.ts';

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
