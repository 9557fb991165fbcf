import { describe, expect, test } from '@jest/globals';
import {
  ConfigError,
  ContextOverflowError,
  ModelAccessError,
  ModelQuotaExhaustedError,
  ModelRequestError,
  ModelThrottledError,
  ModelUnavailableError,
  UnusableSummaryError,
} from '../../../functions/shared/errors.ts';
import { partKey } from '../../../functions/shared/object-keys.ts';
import { memoryControl } from '../../../local/memory-control.ts';
import { RUN_ID } from '../../fakes/sample-run.ts';
import { ANSWER_USAGE, ANSWER_USD, answered, ScriptedSummarizer, textsOf } from '../../fakes/scripted-summarizer.ts';
import { CONTENTS, OUTCOMES, openBench, paidFor, spentUsd, summaryOf } from './summarize-bench.ts';

const done = { waitSeconds: 0, remaining: [] };
const throttled = (retryAfterSeconds: number) => new ModelThrottledError('slow down', { retryAfterSeconds });
const empty = () => new UnusableSummaryError('The answer is empty', { code: 'empty', usage: ANSWER_USAGE });

describe('a throttled call', () => {
  test('that asks for a short wait is made again here', async () => {
    const bench = await openBench();
    expect(await bench.summarize([throttled(1.2), throttled(3), answered('good')], { batches: bench.first })).toEqual(done);
    expect(bench.clock.sleeps).toEqual([2, 3]);
    expect(bench.outcome(0)).toMatchObject({ status: 'ok', payments: [{ calls: 1 }] });
  });

  test('whose waits come to more than five seconds is left to the workflow', async () => {
    const bench = await openBench();
    expect(await bench.summarize([throttled(3), throttled(3)], { batches: bench.first })).toEqual({
      waitSeconds: 3,
      remaining: bench.first,
    });
    expect(bench.clock.sleeps).toEqual([3]);
    expect(bench.outcomes()).toEqual([]);
  });

  test('that is to wait long comes back with the batches that are left, and the longest wait', async () => {
    const bench = await openBench({ texts: ['a', 'b', 'c', 'd', 'e', 'f'] });
    const model = new ScriptedSummarizer((request) => {
      const [text] = textsOf(request);
      return text === 'a' ? throttled(20) : text === 'c' ? answered('good') : throttled(40.5);
    });
    expect(await bench.summarizeWith(model)).toEqual({ waitSeconds: 41, remaining: [bench.batches[0], bench.batches[2]] });
    expect(bench.clock.sleeps).toEqual([]);
    expect(bench.outcome(1).status).toBe('ok');
    expect(bench.outcomes()).toHaveLength(1);
  });

  test('without a time waits a second at least', async () => {
    const bench = await openBench();
    await bench.summarize([throttled(0), answered('good')], { batches: bench.first });
    expect(bench.clock.sleeps).toEqual([1]);
  });
});

describe('an endpoint that is down', () => {
  test('is an error for the workflow to try again, after the other batches are settled', async () => {
    const bench = await openBench({ texts: ['a', 'b', 'c', 'd', 'e', 'f'] });
    const model = new ScriptedSummarizer((request) =>
      textsOf(request)[0] === 'c'
        ? new ModelUnavailableError('502', { code: 'http_502' })
        : new Promise((resolve) => setImmediate(resolve, answered('good'))),
    );
    await expect(bench.summarizeWith(model)).rejects.toMatchObject({ name: 'ModelUnavailableError', code: 'http_502' });
    expect(bench.outcomes()).toHaveLength(2);
    await bench.summarizeWith(summaryOf(), { retryCount: 1 });
    expect(bench.requests.map(textsOf)).toEqual([['c', 'd']]);
    expect(bench.outcome(1)).toMatchObject({ status: 'ok', tries: 2 });
  });

  test('waits with the batches that were asked to: its tries would be theirs', async () => {
    const bench = await openBench();
    expect(await bench.summarize([throttled(60), new ModelUnavailableError('502')])).toEqual({ waitSeconds: 60, remaining: bench.batches });
  });

  test('so is the store', async () => {
    const bench = await openBench();
    bench.work.crashBefore(/parts/, { operation: 'get' });
    await expect(bench.summarizeWith(summaryOf())).rejects.toMatchObject({ name: 'CrashError' });
    expect(bench.outcomes()).toHaveLength(1);
  });

  test.each([
    ['ModelUnavailableError', 'model_unavailable'],
    ['States.Timeout', 'states_timeout'],
    ['Lambda.Unknown', 'lambda_unknown'],
    ['States.TaskFailed', 'states_task_failed'],
  ])('%s, when tries are used up, is recorded where there is no summary', async (failure, code) => {
    const bench = await openBench();
    await bench.summarize([answered('good')], { batches: bench.first });
    expect(await bench.summarize([], { failure, retryCount: 8 })).toEqual(done);
    expect(bench.outcome(0)).toMatchObject({ status: 'ok', answer: { text: 'good' } });
    expect(bench.outcome(1)).toMatchObject({ status: 'failed', answer: null, tries: 9, payments: [], error: { code } });
  });
});

test('an answer that was paid for before its function died is adopted, when tries are used up', async () => {
  const bench = await openBench();
  bench.work.crashBefore(OUTCOMES);
  await expect(bench.summarize([answered('paid')], { batches: bench.first })).rejects.toMatchObject({ name: 'CrashError' });
  await bench.summarize([], { batches: bench.first, failure: 'Sandbox.Timedout', retryCount: 8 });
  expect(bench.outcome(0)).toMatchObject({ status: 'ok', answer: { text: 'paid' }, payments: [{ calls: 1 }] });
});

test('a store that fails on the last try still leaves an outcome', async () => {
  const bench = await openBench();
  bench.work.crashBefore(/parts/, { operation: 'get' });
  await bench.summarize([], { batches: bench.first, failure: 'ModelUnavailableError', retryCount: 8 });
  expect(bench.outcome(0)).toMatchObject({ status: 'failed', error: { code: 'model_unavailable' } });
});

describe('an error of one batch fails that batch alone', () => {
  test.each([
    // The whole, then each of its two rows alone.
    ['unusable', new UnusableSummaryError('The model refused', { code: 'refusal', usage: ANSWER_USAGE }), 'refusal', 3, 3 * ANSWER_USD],
    ['filtered before it cost anything', new UnusableSummaryError('filtered', { code: 'content_filter' }), 'content_filter', 3, 0],
    ['of no code', new UnusableSummaryError('odd', {}), 'unusable_summary', 3, 0],
    ['too long', new ContextOverflowError('too many tokens', { code: 'context_length_exceeded' }), 'context_length_exceeded', 3, 0],
    ['refused as a request', new ModelRequestError('bad parameter'), 'model_request', 1, 0],
  ])('%s', async (_, error, code, calls, costUsd) => {
    const control = memoryControl();
    const bench = await openBench({ control });
    const model = new ScriptedSummarizer((request) => (textsOf(request).some((text) => 'ab'.includes(text)) ? error : answered('good')));
    expect(await bench.summarizeWith(model)).toEqual(done);
    expect(bench.requests).toHaveLength(calls + 1);
    expect(bench.outcome(0)).toMatchObject({
      ...{ status: 'failed', answer: null, contentKey: null, fromCache: false, error: { code, message: error.message }, failedRows: [] },
    });
    expect(paidFor(bench.outcome(0))).toMatchObject({ calls: 0, costUsd: expect.closeTo(costUsd, 12) });
    expect(bench.outcome(1).status).toBe('ok');
    expect(await control.stopReason(RUN_ID, 1)).toBeUndefined();
    expect(await spentUsd(control)).toBeCloseTo(costUsd + ANSWER_USD, 9);
  });

  test.each([
    ['missing', (_: string) => undefined, 'staged_bytes_missing'],
    ['cut short', (text: string) => text.slice(0, 60), 'staged_bytes_missing'],
    ['no JSON', (text: string) => text.replace('{', '('), 'staged_bytes_broken'],
    ['of other rows', (text: string) => text.replace('"rowNumber":0', '"rowNumber":7'), 'staged_rows_differ'],
  ])('staged bytes that are %s', async (_, breakPart, code) => {
    const bench = await openBench();
    const key = partKey(RUN_ID, 0);
    const broken = breakPart(bench.work.text(key));
    if (broken === undefined) await bench.work.delete([key]);
    else bench.work.seed(key, broken);
    expect(await bench.summarize([answered('good')], { batches: bench.first })).toEqual(done);
    expect(bench.requests).toEqual([]);
    expect(bench.outcome(0)).toMatchObject({
      status: 'failed',
      payments: [],
      error: { code: code ?? expect.stringContaining('staged_') },
    });
  });

  test('staged bytes of another number of rows', async () => {
    const bench = await openBench();
    await bench.summarize([], { batches: bench.first.map((batch) => ({ ...batch, rows: 3 })) });
    expect(bench.outcome(0)).toMatchObject({ status: 'failed', error: { code: 'staged_rows_differ' } });
  });
});

describe('an empty answer', () => {
  test('is asked for once more', async () => {
    const control = memoryControl();
    const bench = await openBench({ control });
    await bench.summarize([empty(), answered('good')], { batches: bench.first });
    expect(bench.requests[1]).toEqual(bench.requests[0]);
    expect(bench.outcome(0)).toMatchObject({ status: 'ok', answer: { text: 'good' } });
    expect(bench.outcome(0).payments).toEqual([
      { answerId: expect.any(String), attempt: 1, calls: 1, inputTokens: 2_000, outputTokens: 200, costUsd: 2 * ANSWER_USD },
    ]);
    expect(await spentUsd(control)).toBeCloseTo(2 * ANSWER_USD, 9);
  });

  test('twice, of a row that stands alone, is a failure that cost its tokens', async () => {
    const bench = await openBench({ texts: ['a'] });
    await bench.summarize([empty(), empty()]);
    expect(bench.requests).toHaveLength(2);
    expect(bench.outcome(0)).toMatchObject({
      ...{ status: 'failed', error: { code: 'empty' } },
      payments: [{ attempt: 1, calls: 0, inputTokens: 2_000, outputTokens: 200, costUsd: 2 * ANSWER_USD }],
    });
  });

  test('is asked for twice whoever dies in between', async () => {
    const bench = await openBench({ texts: ['a'] });
    bench.work.crashAfter(CONTENTS);
    await expect(bench.summarize([empty()])).rejects.toMatchObject({ name: 'CrashError' });
    await bench.summarize([empty()], { retryCount: 1 });
    await bench.summarize([], { retryCount: 2 });
    expect(bench.outcome(0)).toMatchObject({ status: 'failed', tries: 2 });
    expect(bench.outcome(0).payments).toEqual([
      { answerId: expect.any(String), attempt: 1, calls: 0, inputTokens: 2_000, outputTokens: 200, costUsd: 2 * ANSWER_USD },
    ]);
  });

  test('that an attempt paid before it died stays paid when the next one asks again', async () => {
    const bench = await openBench({ texts: ['a'] });
    bench.work.crashAfter(CONTENTS);
    await expect(bench.summarize([empty()])).rejects.toMatchObject({ name: 'CrashError' });
    await bench.summarize([answered('good')], { attempt: 2 });
    expect(bench.outcome(0)).toMatchObject({
      status: 'ok',
      payments: [
        { attempt: 1, calls: 0 },
        { attempt: 2, calls: 1 },
      ],
    });
    expect(paidFor(bench.outcome(0)).costUsd).toBeCloseTo(2 * ANSWER_USD, 12);
  });
});

describe('what no further call could change halts the attempt', () => {
  test.each([
    ['quota', new ModelQuotaExhaustedError('No credit', { code: 'insufficient_quota' }), 'quota_exhausted: insufficient_quota'],
    ['key', new ModelAccessError('Bad key'), 'model_access'],
    ['configuration', new ConfigError('No secret', { code: 'no_key' }), 'configuration: no_key'],
  ])('%s', async (_, error, stopReason) => {
    const control = memoryControl();
    const bench = await openBench({ control });
    expect(await bench.summarize([error], { batches: bench.first })).toEqual(done);
    expect(await control.stopReason(RUN_ID, 1)).toBe(stopReason);
    expect(await spentUsd(control)).toBeCloseTo(0, 9);
    expect(bench.log.lines).toEqual([{ level: 'warn', message: 'run halted', fields: { batchId: 0, stopReason } }]);

    expect(await bench.summarize([], { batches: bench.batches })).toEqual(done);
    expect(bench.outcomes()).toEqual([]);
    expect(await control.stopReason(RUN_ID, 1)).toBe(stopReason);

    await bench.summarizeWith(summaryOf(), { attempt: 2 });
    expect(bench.outcomes()).toHaveLength(2);
  });

  test('a halted attempt still takes what is paid already', async () => {
    const bench = await openBench({ texts: ['a', 'b', 'a', 'b', 'c', 'd'] });
    await bench.summarize([answered('paid')], { batches: bench.first });
    await bench.control.halt(RUN_ID, 1, 'interrupted');
    await bench.summarize([]);
    expect(bench.outcomes()).toHaveLength(2);
  });
});
