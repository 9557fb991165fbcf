import { describe, expect, test } from '@jest/globals';
import {
  ContextOverflowError,
  ModelRequestError,
  ModelThrottledError,
  ModelUnavailableError,
  type PipelineError,
} from '../../../functions/shared/errors.ts';
import type { RateDecision, RateLimiter } from '../../../functions/shared/ports.ts';
import { inputTokensEstimate, rowsRequest } from '../../../functions/summarize-batch/prompt.ts';
import { RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { ANSWER_USAGE, answered } from '../../fakes/scripted-summarizer.ts';
import { CONTENTS, openBench, refused } from './summarize-bench.ts';

type Settled = Parameters<RateLimiter['settle']>[1];
const reservation = { key: 'the slot' } as unknown as Extract<RateDecision, { reserved: true }>['reservation'];

/** A limiter that decides as it is told, at once where it is told nothing more, and notes what it is told. */
function scriptedRate(...decisions: number[]) {
  const asked: Parameters<RateLimiter['reserve']>[] = [];
  const settled: Settled[] = [];
  let flushes = 0;
  const rate: RateLimiter = {
    async reserve(...call) {
      asked.push(call);
      const waitSeconds = decisions.shift() ?? 0;
      return waitSeconds <= 5 ? { reserved: true, waitSeconds, reservation } : { reserved: false, waitSeconds };
    },
    async settle(given, result) {
      expect(given).toBe(reservation);
      settled.push(result);
    },
    async flush() {
      flushes++;
    },
  };
  return {
    rate,
    asked,
    settled,
    get flushes() {
      return flushes;
    },
  };
}

describe('before a call', () => {
  test('a slot is taken for what it may count: its input and all the output that it may have', async () => {
    const limiter = scriptedRate();
    const run = sampleRun({ settings: { batchRows: 2, requestsPerMinute: 500, tokensPerMinute: 90_000 } });
    const bench = await openBench({ run, rate: limiter.rate });
    await bench.summarize([answered('good')], { batches: bench.first, hasWaited: true });
    const tokens = inputTokensEstimate(rowsRequest(['a', 'b'], run.settings)) + 250;
    expect(limiter.asked).toEqual([
      ['rate#https://api.openai.com/v1#gpt-6-luna', { tokens, requestsPerMinute: 500, tokensPerMinute: 90_000, hasWaited: true }],
    ]);
  });

  test('a slot that starts soon is waited for here', async () => {
    const bench = await openBench({ rate: scriptedRate(4.5).rate });
    expect(await bench.summarize([answered('good')], { batches: bench.first })).toMatchObject({ waitSeconds: 0 });
    expect(bench.clock.sleeps).toEqual([4.5]);
  });

  test('a slot that is far away is left to the workflow, with the batch', async () => {
    const bench = await openBench({ rate: scriptedRate(40).rate });
    expect(await bench.summarize([], { batches: bench.first })).toEqual({ waitSeconds: 40, remaining: bench.first });
    expect(bench.outcomes()).toEqual([]);
    expect(bench.clock.sleeps).toEqual([]);
  });

  test('what is found takes none', async () => {
    const limiter = scriptedRate();
    const bench = await openBench({ rate: limiter.rate });
    await bench.summarize([answered('good')], { batches: bench.first });
    await bench.summarize([], { batches: bench.first, of: sampleRun({ runId: 'june', settings: { batchRows: 2 } }) });
    expect(limiter.asked).toHaveLength(1);
  });
});

describe('after a call the limiter learns once', () => {
  const limits = { requests: null, tokens: null } as unknown as ReturnType<typeof answered>['limits'];
  const counted = ANSWER_USAGE.inputTokens + 250;
  const unknown = { limits: null, countedTokens: null };

  test.each<[string, ReturnType<typeof answered> | PipelineError, Settled]>([
    ['what an answer says', answered('good', { limits }), { limits, countedTokens: counted }],
    ['nothing of tokens that nobody counted', answered('good', { usage: { inputTokens: 0, outputTokens: 0 } }), unknown],
    ['what an answer of no use counted', refused(), { limits: null, countedTokens: counted }],
    ['that a connection broke', new ModelUnavailableError('', { code: 'network' }), unknown],
    ['that nothing was counted', new ModelRequestError('bad parameter', { code: 'invalid_value' }), { limits: null, countedTokens: 0 }],
    [
      'of a refusal, and how long it lasts',
      new ModelThrottledError('', { retryAfterSeconds: 60, limits }),
      { limits, countedTokens: null, refusal: { retryAfterSeconds: 60, isSlowDown: false } },
    ],
    [
      'to go slower',
      new ModelThrottledError('', { code: 'slow_down', retryAfterSeconds: 60 }),
      { ...unknown, refusal: { retryAfterSeconds: 60, isSlowDown: true } },
    ],
  ])('%s', async (_, reply, result) => {
    const limiter = scriptedRate();
    const bench = await openBench({ texts: ['a'], rate: limiter.rate });
    await bench.summarize([reply]).catch(() => undefined);
    expect(limiter.settled).toEqual([result]);
  });

  test('that too long a request was not counted', async () => {
    const limiter = scriptedRate();
    const bench = await openBench({ texts: ['a'], rate: limiter.rate });
    await bench.summarize([new ContextOverflowError('', { code: 'context_length_exceeded' })]);
    expect(limiter.settled).toHaveLength(1);
    expect(limiter.settled[0]?.refusal).toBeUndefined();
  });

  test('nothing of a tier without room: the standard tier does not wait for it', async () => {
    const limiter = scriptedRate();
    const bench = await openBench({ run: sampleRun({ settings: { serviceTier: 'flex' } }), texts: ['a'], rate: limiter.rate });
    await bench.summarize([new ModelThrottledError('', { code: 'resource_unavailable', retryAfterSeconds: 60 }), answered('good')]);
    expect(limiter.settled).toEqual([
      { limits: null, countedTokens: 0 },
      { limits: null, countedTokens: counted },
    ]);
  });

  test('what the answer counted, though the answer could not be kept', async () => {
    const limiter = scriptedRate();
    const bench = await openBench({ texts: ['a'], rate: limiter.rate });
    bench.work.crashBefore(CONTENTS);
    await expect(bench.summarize([answered('good')])).rejects.toMatchObject({ name: 'CrashError' });
    expect(limiter.settled).toEqual([{ limits: null, countedTokens: counted }]);
  });

  test('that a call was not made, where the money was gone or the run halted', async () => {
    const limiter = scriptedRate();
    const bench = await openBench({ texts: ['a'], rate: limiter.rate });
    await bench.control.halt(RUN_ID, 1, 'interrupted');
    await bench.summarize([]);
    expect(limiter.settled).toEqual([{ limits: null, countedTokens: 0 }]);
  });
});

test('corrections are written before the function may be frozen, whatever became of the batches', async () => {
  const limiter = scriptedRate();
  const bench = await openBench({ rate: limiter.rate });
  await bench.summarize([answered('good'), answered('good')]);
  expect(limiter.flushes).toBe(1);
  const down = await openBench({ rate: limiter.rate });
  await down.summarize([new ModelUnavailableError(''), answered('good')]).catch(() => undefined);
  expect(limiter.flushes).toBe(2);
});
