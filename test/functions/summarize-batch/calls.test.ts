import { describe, expect, test } from '@jest/globals';
import {
  ConfigError,
  ContextOverflowError,
  ModelAccessError,
  ModelQuotaExhaustedError,
  ModelRequestError,
  ModelThrottledError,
  ModelUnavailableError,
} from '../../../functions/shared/errors.ts';
import { unansweredKey, unansweredPrefix } from '../../../functions/shared/object-keys.ts';
import { memoryControl } from '../../../local/memory-control.ts';
import { RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { ANSWER_USAGE, ANSWER_USD, answered, ScriptedSummarizer } from '../../fakes/scripted-summarizer.ts';
import { CONTENTS, empty, openBench, paidFor, refused, spentUsd } from './summarize-bench.ts';

describe('a service tier that is refused', () => {
  const run = sampleRun({ settings: { batchRows: 1, serviceTier: 'flex' } });
  const openFlex = async () => {
    const control = memoryControl();
    return { control, bench: await openBench({ run, texts: ['a'], control }) };
  };
  const noRoom = () => new ModelThrottledError('No room', { code: 'resource_unavailable', retryAfterSeconds: 60 });
  const invalid = () => new ModelRequestError('Invalid service_tier argument');

  test.each([
    ['for now', noRoom],
    ['for this model', invalid],
    ['in other words', () => new ModelRequestError('The service tier is not available to you')],
  ])('%s is given up for the standard one, at its price', async (_, refusal) => {
    const { control, bench } = await openFlex();
    expect(await bench.summarize([refusal(), answered('good')])).toEqual({ waitSeconds: 0, remaining: [] });
    expect(bench.clock.sleeps).toEqual([]);
    expect(bench.requests.map(({ serviceTier }) => serviceTier)).toEqual(['flex', 'default']);
    expect(bench.requests[1]).toEqual({ ...bench.requests[0], serviceTier: 'default' });
    expect(bench.outcome(0)).toMatchObject({
      status: 'ok',
      answer: { serviceTier: 'default' },
      payments: [{ calls: 1, costUsd: ANSWER_USD }],
    });
    expect(await spentUsd(control)).toBeCloseTo(ANSWER_USD, 9);
  });

  test('and whose stand-in says nothing of its tier costs the standard price', async () => {
    const { bench } = await openFlex();
    await bench.summarize([noRoom(), answered('good', { serviceTier: null })]);
    expect(paidFor(bench.outcome(0)).costUsd).toBeCloseTo(ANSWER_USD, 12);
  });

  test('and whose stand-in is of no use costs the standard price too', async () => {
    const { control, bench } = await openFlex();
    await bench.summarize([noRoom(), refused()]);
    expect(bench.outcome(0)).toMatchObject({ status: 'failed', payments: [{ calls: 0, costUsd: ANSWER_USD }] });
    expect(await spentUsd(control)).toBeCloseTo(ANSWER_USD, 9);
  });

  test('and whose stand-in is never answered leaves a mark', async () => {
    const { bench } = await openFlex();
    await expect(bench.summarize([noRoom(), new ModelUnavailableError('', { code: 'timeout' })])).rejects.toMatchObject({
      code: 'timeout',
    });
    expect(bench.work.keys(unansweredPrefix(RUN_ID))).toHaveLength(1);
  });

  test('as the standard one is fails the batch: there is no third', async () => {
    const { bench } = await openFlex();
    await bench.summarize([invalid(), invalid()]);
    expect(bench.outcome(0)).toMatchObject({ status: 'failed', error: { code: 'model_request' } });
  });

  test('where it was asked for nothing but the standard one, is no such refusal', async () => {
    const bench = await openBench({ texts: ['a'] });
    expect(await bench.summarize([noRoom()])).toMatchObject({ waitSeconds: 60 });
  });

  test('is not what a 429 of another code is: that one waits', async () => {
    const { bench } = await openFlex();
    const throttled = new ModelThrottledError('slow down', { code: 'rate_limit_exceeded', retryAfterSeconds: 60 });
    expect(await bench.summarize([throttled])).toMatchObject({ waitSeconds: 60 });
    expect(bench.requests).toHaveLength(1);
  });

  test('is reserved for at the standard price', async () => {
    const control = memoryControl();
    // Room for a call at half the price, not for one at the whole.
    const capped = sampleRun({ settings: { batchRows: 1, serviceTier: 'flex', maxCostUsd: 0.0001 } });
    const bench = await openBench({ run: capped, texts: ['a'], control });
    await bench.summarize([]);
    expect(await control.stopReason(RUN_ID, 1)).toBe('budget_exceeded');
  });
});

describe('a call that ended without an answer', () => {
  const unavailable = (code?: string) => new ModelUnavailableError('no answer', code === undefined ? {} : { code });

  test.each(['timeout', 'network', 'invalid_response'])('with %s may have been billed: it leaves a mark', async (code) => {
    const bench = await openBench();
    await expect(bench.summarize([unavailable(code)], { batches: bench.first, retryCount: 2 })).rejects.toMatchObject({ code });
    expect(bench.work.keys(unansweredPrefix(RUN_ID))).toEqual([unansweredKey(RUN_ID, 1, 0, 0, 3, bench.clock.now())]);
  });

  test.each([
    ['5xx', unavailable('http_503')],
    ['an unavailable endpoint without a code', unavailable()],
    ['a call that was never made', unavailable('halted')],
    ['429', new ModelThrottledError('slow down', { retryAfterSeconds: 60 })],
    ['an empty account', new ModelQuotaExhaustedError('No credit', { code: 'insufficient_quota' })],
    ['a wrong key', new ModelAccessError('Bad key', { code: 'invalid_api_key' })],
    ['a wrong request', new ModelRequestError('bad parameter', { code: 'timeout' })],
    ['too many tokens', new ContextOverflowError('too long', { code: 'network' })],
    ['a wrong configuration', new ConfigError('no key', { code: 'network' })],
    ['a refusal', refused()],
    ['nothing in it', empty()],
  ])('because of %s was not billed unknown to us: no mark', async (_, error) => {
    const bench = await openBench({ texts: ['a'] });
    await bench.summarize([error, answered('good')]).catch(() => undefined);
    expect(bench.work.keys(unansweredPrefix(RUN_ID))).toEqual([]);
  });

  test('is marked in each try, batch and attempt for itself', async () => {
    const bench = await openBench();
    for (const [attempt, retryCount] of [
      [1, 0],
      [1, 1],
      [2, 0],
    ] as const) {
      await bench.summarize([unavailable('timeout'), unavailable('network')], { attempt, retryCount }).catch(() => undefined);
    }
    expect(bench.work.keys(unansweredPrefix(RUN_ID))).toHaveLength(6);
  });

  test('cut off by the deadline may have been billed', async () => {
    const bench = await openBench();
    const deadline = new AbortController();
    const cutOff = new ScriptedSummarizer(() => {
      deadline.abort();
      throw deadline.signal.reason;
    });
    await bench.summarizeWith(cutOff, { batches: bench.first, signal: deadline.signal }).catch(() => undefined);
    expect(bench.work.keys(unansweredPrefix(RUN_ID))).toHaveLength(1);
  });

  test('that may have been billed counts against the cap as if it was', async () => {
    const control = memoryControl();
    const bench = await openBench({ control });
    await bench.summarize([unavailable('timeout')], { batches: bench.first }).catch(() => undefined);
    expect(await spentUsd(control)).toBeGreaterThan(0);
  });

  test('that cannot have been billed gives its reservation back', async () => {
    const control = memoryControl();
    const bench = await openBench({ control });
    await bench.summarize([unavailable('http_500')], { batches: bench.first }).catch(() => undefined);
    expect(await spentUsd(control)).toBeCloseTo(0, 12);
  });
});

test('what one batch of an attempt was refused is not asked for by another of the same words', async () => {
  const bench = await openBench({ texts: ['a', 'a', 'a', 'a'] });
  await bench.summarize([refused(), refused()], { batches: bench.first });
  const asked = bench.requests.length;
  await bench.summarize([], { batches: bench.batches.slice(1) });
  expect([asked, bench.requests.length]).toEqual([2, 0]);
  expect(bench.outcome(1)).toMatchObject({ status: 'failed', payments: [] });
});

test('a refusal that comes when somebody else has the answer is paid for, and his answer stands', async () => {
  const bench = await openBench({ texts: ['a'] });
  await bench.summarize([answered('his')]);
  const key = bench.contentKeyOfTexts(['a']);
  const his = bench.work.text(key);
  await bench.work.delete([key]);
  bench.work.before(CONTENTS, () => void bench.work.seed(key, his), { operation: 'putIfAbsent' });
  const other = sampleRun({ runId: 'june', settings: { batchRows: 2 } });
  await bench.summarize([refused()], { of: other });
  expect(bench.outcome(0, 'june')).toMatchObject({
    ...{ status: 'ok', answer: { text: 'his' }, fromCache: false },
    payments: [{ attempt: 1, calls: 0, ...ANSWER_USAGE, costUsd: ANSWER_USD }],
  });
});
