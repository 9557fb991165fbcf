import { describe, expect, test } from '@jest/globals';
import { ModelAccessError, ModelThrottledError, ModelUnavailableError } from '../../../functions/shared/errors.ts';
import { RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { ANSWER_USAGE, ANSWER_USD, answered } from '../../fakes/scripted-summarizer.ts';
import { openBench, refused } from './summarize-bench.ts';

const billed = { ModelCalls: 1, ModelThrottles: 0, InputTokens: ANSWER_USAGE.inputTokens, OutputTokens: ANSWER_USAGE.outputTokens };

describe('a call counts', () => {
  test.each([
    ['an answer', answered('good'), { ...billed, ModelErrors: 0, ModelLatency: 900, CostUsd: ANSWER_USD }],
    ['an answer of an unknown price', answered('good', { serviceTier: 'priority' }), { ...billed, ModelErrors: 0, ModelLatency: 900 }],
    ['429', new ModelThrottledError('later', { retryAfterSeconds: 60 }), { ModelCalls: 1, ModelThrottles: 1, ModelErrors: 0 }],
    ['no answer', new ModelUnavailableError('502'), { ModelCalls: 1, ModelThrottles: 0, ModelErrors: 1 }],
    ['no access', new ModelAccessError('401'), { ModelCalls: 1, ModelThrottles: 0, ModelErrors: 1 }],
    ['the end of the function', new Error('aborted'), { ModelCalls: 1, ModelThrottles: 0, ModelErrors: 1 }],
  ])('%s once, for its batch', async (_, reply, values) => {
    const bench = await openBench();
    await bench.summarize([reply], { batches: bench.first }).catch(() => undefined);
    expect(bench.metrics.told).toEqual([{ values, subject: { dataset: 'support', runId: RUN_ID, attempt: 1, batchLevel: 0, batchId: 0 } }]);
  });

  test('what was billed and is of no use as an error with its tokens and dollars', async () => {
    const bench = await openBench({ run: sampleRun({ settings: { batchRows: 1 } }), texts: ['a'] });
    await bench.summarize([refused()]);
    expect(bench.metrics.told.map(({ values }) => values)).toEqual([{ ...billed, ModelErrors: 1, CostUsd: ANSWER_USD }]);
  });

  test('not again when the step runs again, and not where the answer is found', async () => {
    const bench = await openBench();
    await bench.summarize([answered('good')], { batches: bench.first });
    await bench.summarize([], { batches: bench.first, retryCount: 1 });
    bench.work.crashBefore(/outcomes/);
    await bench.summarize([answered('other')], { batches: bench.batches.slice(1) }).catch(() => undefined);
    await bench.summarize([], { batches: bench.batches.slice(1), retryCount: 1 });
    expect(bench.metrics.sum('ModelCalls')).toBe(2);
    expect(bench.metrics.sum('CostUsd')).toBeCloseTo(2 * ANSWER_USD, 12);
  });

  test('nothing in an attempt that is halted before it', async () => {
    const bench = await openBench();
    await bench.control.halt(RUN_ID, 1, 'user');
    await bench.summarize([]);
    expect(bench.metrics.told).toEqual([]);
  });
});
