import { describe, expect, test } from '@jest/globals';
import { ModelThrottledError, ModelUnavailableError, UnusableSummaryError } from '../../../functions/shared/errors.ts';
import { memoryControl } from '../../../local/memory-control.ts';
import { manyTexts, RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { ANSWER_USAGE, ANSWER_USD, answered, ScriptedSummarizer } from '../../fakes/scripted-summarizer.ts';
import { VirtualTime } from '../../fakes/virtual-time.ts';
import { openBench, spentUsd, summaryOf } from './summarize-bench.ts';

const DAY = '2026-11-26';
const done = { waitSeconds: 0, remaining: [] };
const throttled = (retryAfterSeconds: number) => new ModelThrottledError('slow down', { retryAfterSeconds });
const empty = () => new UnusableSummaryError('The answer is empty', { code: 'empty', usage: ANSWER_USAGE });

// A batch here reserves its rules and 250 tokens of output: between 0.00014 and 0.0002 dollars.
const capped = (maxCostUsd: number) => sampleRun({ settings: { batchRows: 2, maxCostUsd } });

describe('a budget', () => {
  test('that the next call could exceed halts the attempt before that call', async () => {
    const control = memoryControl();
    const bench = await openBench({ run: capped(0.0002), control });
    await bench.summarize([answered('good')], { batches: bench.first });
    expect(await bench.summarize([], { batches: bench.batches.slice(1) })).toEqual(done);
    expect(await control.stopReason(RUN_ID, 1)).toBe('budget_exceeded');
    expect(bench.outcomes()).toHaveLength(1);
    expect(await spentUsd(control)).toBeCloseTo(ANSWER_USD, 9);
  });

  test('is not spent by calls under way beyond the cap', async () => {
    const texts = Array.from({ length: 20 }, (_, row) => `text ${row}`);
    const control = memoryControl();
    const bench = await openBench({ run: capped(0.0005), texts, control });
    await bench.summarizeWith(summaryOf());
    expect(bench.outcomes().length).toBeGreaterThanOrEqual(2);
    expect(await spentUsd(control)).toBeLessThanOrEqual(0.0005);
    expect(await spentUsd(control)).toBeCloseTo(bench.outcomes().length * ANSWER_USD, 9);
  });

  test.each([
    ['an answer', answered('good'), ANSWER_USD],
    ['an answer that cost nothing', answered('good', { usage: { inputTokens: 0, outputTokens: 0 } }), 0],
    ['no answer', new ModelUnavailableError('502'), 0],
    ['a wait', throttled(60), 0],
    ['a refusal', new UnusableSummaryError('no', { code: 'refusal', usage: ANSWER_USAGE }), ANSWER_USD],
  ])('is charged what %s cost, whatever was reserved', async (_, reply, costUsd) => {
    const control = memoryControl();
    const bench = await openBench({ run: capped(1), control });
    await bench.summarize([reply], { batches: bench.first }).catch(() => undefined);
    expect(await spentUsd(control)).toBeCloseTo(costUsd, 9);
  });

  test('is charged for an answer that could not be kept', async () => {
    const control = memoryControl();
    const bench = await openBench({ run: capped(1), control });
    bench.work.crashBefore(/^summaries/);
    await expect(bench.summarize([answered('good')], { batches: bench.first })).rejects.toMatchObject({ name: 'CrashError' });
    expect(await spentUsd(control)).toBeCloseTo(ANSWER_USD, 9);
  });

  test('that ends between an empty answer and the second leaves the first one’s cost in the outcome', async () => {
    const control = memoryControl();
    const bench = await openBench({ run: capped(0.0002), control });
    await bench.summarize([empty()], { batches: bench.first });
    expect(await control.stopReason(RUN_ID, 1)).toBe('budget_exceeded');
    expect(bench.outcome(0)).toMatchObject({
      status: 'failed',
      error: { code: 'halted' },
      payments: [{ calls: 0, ...ANSWER_USAGE, costUsd: ANSWER_USD }],
    });
  });
});

describe('a run that reaches its cap', () => {
  const CALLS = 20;
  const texts = manyTexts(2 * 40);
  const runOf = (callUsd: number) => sampleRun({ settings: { batchRows: 2, maxCostUsd: CALLS * callUsd } });
  /** 0.0001 dollars, less than is reserved for them. */
  const fewTokens = { inputTokens: 250, outputTokens: 150 };

  test.each([
    [1, 'less', fewTokens, 0.0001, 0],
    [7, 'less', fewTokens, 0.0001, 0],
    [40, 'less', fewTokens, 0.0001, 0],
    [7, 'more', ANSWER_USAGE, ANSWER_USD, 7],
  ])('with %i batches at once that cost %s than was reserved, spends up to the cap', async (atOnce, _, usage, callUsd, inFlight) => {
    const control = memoryControl();
    const time = new VirtualTime(0);
    const bench = await openBench({ run: runOf(callUsd), texts, control, time });
    const model = new ScriptedSummarizer(async () => {
      await time.sleep(2.5);
      return answered('good', { usage });
    });
    const summarizeAll = async () => {
      for (let at = 0; at < bench.batches.length; at += atOnce) {
        await bench.summarizeWith(model, { batches: bench.batches.slice(at, at + atOnce) });
      }
    };
    const all = summarizeAll();
    await time.runUntil(3_600_000);
    await all;
    expect(model.requests.length).toBeGreaterThanOrEqual(CALLS - 1);
    expect(model.requests.length).toBeLessThanOrEqual(CALLS + inFlight);
    expect(bench.outcomes()).toHaveLength(model.requests.length);
    expect(await spentUsd(control)).toBeCloseTo(model.requests.length * callUsd, 9);
    expect(await control.stopReason(RUN_ID, 1)).toBe('budget_exceeded');

    // A higher cap goes on from there: nothing is paid twice.
    const higher = sampleRun({ settings: { batchRows: 2, maxCostUsd: 1 } });
    const rest = bench.summarizeWith(model, { of: higher, attempt: 2 });
    await time.runUntil(7_200_000);
    await rest;
    expect(model.requests).toHaveLength(40);
    expect(await spentUsd(control)).toBeCloseTo(40 * callUsd, 9);
  });

  test('over two attempts spends it once', async () => {
    const control = memoryControl();
    const bench = await openBench({ run: runOf(ANSWER_USD), texts, control });
    await bench.summarizeWith(summaryOf());
    const first = bench.requests.length;
    await bench.summarizeWith(summaryOf(), { attempt: 2 });
    expect(bench.requests).toEqual([]);
    expect(first).toBeGreaterThanOrEqual(CALLS - 1);
    expect(await control.stopReason(RUN_ID, 2)).toBe('budget_exceeded');
  });

  test('waits a second at a time for what calls in flight give back', async () => {
    const control = memoryControl();
    const bench = await openBench({ run: capped(0.0003), control });
    const inFlight = { runId: RUN_ID, attempt: 1, reserveUsd: 0.0003, capUsd: 0.0003, day: DAY };
    await control.reserve(inFlight);
    const sleep = bench.clock.sleep.bind(bench.clock);
    bench.clock.sleep = async (seconds, signal) => {
      if (bench.clock.sleeps.length === 4) await control.settle(inFlight, 0.0001);
      await sleep(seconds, signal);
    };
    await bench.summarize([answered('good')], { batches: bench.first });
    expect(bench.clock.sleeps).toEqual([1, 1, 1, 1, 1]);
    expect(bench.outcome(0).status).toBe('ok');
    expect(await control.stopReason(RUN_ID, 1)).toBeUndefined();
  });

  test('halts at once when another worker halts it during that wait', async () => {
    const control = memoryControl();
    const bench = await openBench({ run: capped(0.0003), control });
    await control.reserve({ runId: RUN_ID, attempt: 1, reserveUsd: 0.0003, capUsd: 0.0003, day: DAY });
    const sleep = bench.clock.sleep.bind(bench.clock);
    bench.clock.sleep = async (seconds, signal) => {
      await control.halt(RUN_ID, 1, 'interrupted');
      await sleep(seconds, signal);
    };
    expect(await bench.summarize([], { batches: bench.first })).toEqual(done);
    expect(bench.clock.sleeps).toEqual([1]);
    expect(await control.stopReason(RUN_ID, 1)).toBe('interrupted');
  });

  test('halts after a minute and a half where a worker died with its reservation', async () => {
    const control = memoryControl();
    const bench = await openBench({ run: capped(0.0003), control });
    await control.reserve({ runId: RUN_ID, attempt: 1, reserveUsd: 0.0003, capUsd: 0.0003, day: DAY });
    expect(await bench.summarize([], { batches: bench.first })).toEqual(done);
    expect(bench.clock.sleeps).toEqual(Array.from({ length: 90 }, () => 1));
    expect(await control.stopReason(RUN_ID, 1)).toBe('budget_exceeded');
    expect(bench.outcomes()).toEqual([]);
  });
});

test('an answer is kept before the money is settled: a table that fails then does not cost it', async () => {
  const control = memoryControl();
  const { settle } = control;
  control.settle = () => Promise.reject(Object.assign(new Error('throttled'), { name: 'ProvisionedThroughputExceededException' }));
  const bench = await openBench({ run: sampleRun({ settings: { batchRows: 2, maxCostUsd: 1 } }), control });
  await expect(bench.summarize([answered('paid')], { batches: bench.first })).rejects.toMatchObject({
    name: 'ProvisionedThroughputExceededException',
  });
  control.settle = settle;
  await bench.summarize([], { batches: bench.first, retryCount: 1 });
  expect(bench.outcome(0)).toMatchObject({ status: 'ok', answer: { text: 'paid' }, payments: [{ calls: 1 }] });
});
