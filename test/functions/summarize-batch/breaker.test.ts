import { describe, expect, test } from '@jest/globals';
import type { Control } from '../../../functions/shared/ports.ts';
import { Breaker } from '../../../functions/summarize-batch/breaker.ts';
import { memoryControl } from '../../../local/memory-control.ts';
import { manyTexts, RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { answered, ScriptedSummarizer, textsOf } from '../../fakes/scripted-summarizer.ts';
import { empty, openBench } from './summarize-bench.ts';

/** A control that notes how often batches are counted. */
function countingControl() {
  const control = memoryControl();
  let counts = 0;
  const counting: Control = {
    ...control,
    count: (...batch) => {
      counts++;
      return control.count(...batch);
    },
  };
  return {
    control: counting,
    get counts() {
      return counts;
    },
  };
}

const run = sampleRun({ settings: { batchRows: 1 } });
const stopReason = (control: Control, attempt = 1) => control.stopReason(RUN_ID, attempt);
const report = async (breaker: Breaker, fates: readonly boolean[], attempt = 1) => {
  for (const fate of fates) await breaker.report({ ...run, attempt }, fate);
};
const times = (count: number, fate: boolean) => Array.from({ length: count }, () => fate);

describe('the first batches', () => {
  test.each([
    ['45 of 45 failed', times(45, false), 'breaker: 45 of the first 45 batches failed'],
    ['45 of 50 failed', [...times(5, true), ...times(45, false)], 'breaker: 45 of the first 50 batches failed'],
    [
      '45 of 50 failed, the good ones among them',
      [...times(44, false), ...times(5, true), false],
      'breaker: 45 of the first 50 batches failed',
    ],
    ['44 failed', times(44, false), undefined],
    ['44 of 50 failed', [...times(44, false), ...times(6, true)], undefined],
    ['a summary came sixth', [...times(6, true), ...times(1_000, false)], undefined],
    ['a summary came just in time', [...times(44, false), ...times(6, true), ...times(1_000, false)], undefined],
  ])('of which %s', async (_, fates, reason) => {
    const { control } = countingControl();
    await report(new Breaker(control), fates);
    expect(await stopReason(control)).toBe(reason);
  });

  test('are those of all workers', async () => {
    const { control } = countingControl();
    const workers = Array.from({ length: 9 }, () => new Breaker(control));
    for (const worker of workers) await report(worker, times(5, false));
    expect(await stopReason(control)).toBe('breaker: 45 of the first 45 batches failed');
  });

  test('are those of the attempt, and of the run', async () => {
    const { control } = countingControl();
    const breaker = new Breaker(control);
    await report(breaker, times(6, true));
    await report(breaker, times(44, false), 2);
    await breaker.report({ ...run, runId: 'june', attempt: 2 }, false);
    expect(await stopReason(control, 2)).toBeUndefined();
    await report(breaker, [false], 2);
    expect(await stopReason(control, 2)).toBe('breaker: 45 of the first 45 batches failed');
    expect(await stopReason(control)).toBeUndefined();
    expect(await control.stopReason('june', 2)).toBeUndefined();
  });
});

test.each([
  ['succeed', times(10_000, true), 6],
  ['fail', times(10_000, false), 45],
  ['succeed and fail by turns', Array.from({ length: 10_000 }, (_, batch) => batch % 2 === 0), 11],
])('however many batches %s, a worker counts the first alone', async (_, fates, counts) => {
  const counted = countingControl();
  await report(new Breaker(counted.control), fates);
  expect(counted.counts).toBe(counts);
  // A worker that comes later learns it from its first batch.
  await report(new Breaker(counted.control), fates.slice(0, 100));
  expect(counted.counts).toBe(counts + 1);
});

describe('a run', () => {
  const failing = () =>
    new ScriptedSummarizer((request) => (textsOf(request).some((text) => /[1-9]$/.test(text)) ? empty() : answered('good')));

  test('of which nine in ten batches fail is halted before most calls are made', async () => {
    const bench = await openBench({ run, texts: manyTexts(400) });
    const model = failing();
    for (let at = 0; at < 400; at += 10) await bench.summarizeWith(model, { batches: bench.batches.slice(at, at + 10) });
    expect(await stopReason(bench.control)).toBe('breaker: 45 of the first 50 batches failed');
    expect(bench.outcomes()).toHaveLength(50);
    // An empty answer is asked for twice.
    expect(model.requests).toHaveLength(5 + 2 * 45);
  });

  test('counts a batch of which some rows failed as one that has a summary', async () => {
    const bench = await openBench({ run: sampleRun({ settings: { batchRows: 10 } }), texts: manyTexts(600) });
    for (const batch of bench.batches) await bench.summarizeWith(failing(), { batches: [batch] });
    expect(await stopReason(bench.control)).toBeUndefined();
    expect(bench.outcomes()).toHaveLength(60);
    expect(bench.outcome(59).status).toBe('partial');
  });

  test('of batches that were summarized before does not count them again', async () => {
    const counted = countingControl();
    const bench = await openBench({ run, texts: manyTexts(4), control: counted.control });
    await bench.summarizeWith(new ScriptedSummarizer(() => answered('good')));
    await bench.summarize([]);
    await bench.summarize([], { attempt: 2 });
    expect(counted.counts).toBe(4);
  });
});
