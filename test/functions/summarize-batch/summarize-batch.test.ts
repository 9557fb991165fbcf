import { describe, expect, test } from '@jest/globals';
import { UnusableSummaryError } from '../../../functions/shared/errors.ts';
import { outcomeKey, partKey } from '../../../functions/shared/object-keys.ts';
import type { SummaryAnswer } from '../../../functions/shared/ports.ts';
import { PROMPT_VERSION } from '../../../functions/summarize-batch/prompt.ts';
import { RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { ANSWER_USAGE, ANSWER_USD, answered, ScriptedSummarizer, textsOf } from '../../fakes/scripted-summarizer.ts';
import { CONTENTS, OUTCOMES, openBench, paidFor, summaryOf } from './summarize-bench.ts';

const refused = () => new UnusableSummaryError('refused', { code: 'refused', usage: ANSWER_USAGE });
const done = { waitSeconds: 0, remaining: [] };
const payment = { answerId: expect.stringMatching(/^[0-9a-f]{12}/), attempt: 1, calls: 1, ...ANSWER_USAGE, costUsd: ANSWER_USD };
const paidOnce = [payment];

describe('one call a batch', () => {
  test('asks for exactly the texts of the batch', async () => {
    const bench = await openBench({ texts: ['a', 'b', 'ü "x"\n', 'd', 'e'] });
    expect(await bench.summarizeWith(summaryOf())).toEqual(done);
    expect(bench.requests.map(textsOf)).toEqual([['a', 'b'], ['ü "x"\n', 'd'], ['e']]);
    expect(
      bench.requests.every(
        ({ model, temperature, maxOutputTokens }) => model === 'gpt-6-luna' && temperature === 0.3 && maxOutputTokens === 250,
      ),
    ).toBe(true);
    expect(bench.requests[2]?.messages[0]?.content).toContain('summarize the following 1 customer reviews');
  });

  test('leaves an outcome with the answer, its price and where it is kept', async () => {
    const bench = await openBench();
    await bench.summarize([answered('first'), answered('second', { finishReason: 'length', serviceTier: null })], { retryCount: 2 });
    const createdAt = new Date(bench.clock.now()).toISOString();
    expect(bench.outcome(0)).toEqual({
      ...{
        batchId: 0,
        level: 0,
        attempt: 1,
        status: 'ok',
        error: null,
        failedRows: [],
        rowsFailed: 0,
        tries: 3,
        fromCache: false,
        promptVersion: PROMPT_VERSION,
      },
      answer: { text: 'first', finishReason: 'stop', model: 'gpt-6-luna-2026-10-01', serviceTier: 'default', latencyMs: 900, createdAt },
      payments: paidOnce,
      contentKey: bench.contentKeyOfTexts(['a', 'b']),
    });
    expect(bench.outcome(1)).toMatchObject({ answer: { text: 'second', finishReason: 'length', serviceTier: null }, payments: paidOnce });
  });

  test('keeps the answer before it records it', async () => {
    const bench = await openBench();
    await bench.summarize([answered('first')], { batches: bench.first });
    expect(bench.work.writtenKeys).toEqual([bench.contentKeyOfTexts(['a', 'b']), outcomeKey(RUN_ID, 0, 0)]);
  });

  test('costs what the tier costs that the endpoint says it used, or else the tier that was asked for', async () => {
    const run = sampleRun({ settings: { batchRows: 2, serviceTier: 'flex' } });
    const bench = await openBench({ run });
    await bench.summarize([answered('dear', { serviceTier: 'default' }), answered('silent', { serviceTier: null })]);
    expect(paidFor(bench.outcome(0)).costUsd).toBeCloseTo(ANSWER_USD, 12);
    expect(paidFor(bench.outcome(1)).costUsd).toBeCloseTo(ANSWER_USD / 2, 12);
  });

  test('of a model whose price is unknown is counted, its cost unknown', async () => {
    const bench = await openBench({ run: sampleRun({ settings: { batchRows: 2, model: 'somebody-elses' } }) });
    await bench.summarize([answered('good')], { batches: bench.first });
    expect(bench.outcome(0).payments).toEqual([{ ...payment, costUsd: null }]);
  });

  test('reads its bytes alone of the part', async () => {
    const bench = await openBench();
    await bench.summarizeWith(summaryOf(), { batches: bench.batches.slice(1) });
    expect(bench.work.operations.filter((line) => line.endsWith(partKey(RUN_ID, 0)))).toEqual([`get ${partKey(RUN_ID, 0)}`]);
    expect(bench.requests.map(textsOf)).toEqual([['c', 'd']]);
  });

  test('is given the signal that ends it before the deadline', async () => {
    const bench = await openBench();
    const { signal } = new AbortController();
    const model = summaryOf();
    await bench.summarizeWith(model, { signal });
    expect(model.signals).toEqual([signal, signal]);
  });

  test('25 batches are asked for at once', async () => {
    const bench = await openBench({ texts: Array.from({ length: 50 }, (_, row) => `text ${row}`) });
    let release = (_: SummaryAnswer) => {};
    const released = new Promise<SummaryAnswer>((resolve) => {
      release = resolve;
    });
    // Nobody is answered before all have asked: calls one after the other would never end.
    const model: ScriptedSummarizer = new ScriptedSummarizer((): Promise<SummaryAnswer> => {
      if (model.requests.length === 25) release(answered('good'));
      return released;
    });
    expect(await bench.summarizeWith(model)).toEqual(done);
    expect(bench.outcomes()).toHaveLength(25);
  });
});

describe('an outcome', () => {
  test('that is a summary is final for this attempt and the next: no call, no write', async () => {
    const bench = await openBench();
    await bench.summarizeWith(summaryOf());
    bench.work.operations.length = 0;
    await bench.summarize([]);
    await bench.summarize([], { attempt: 2 });
    expect(bench.work.writtenKeys).toEqual([]);
  });

  test('that is a failure of this attempt is final', async () => {
    const bench = await openBench();
    await bench.summarize([refused(), refused(), refused()], { batches: bench.first });
    const standing = bench.outcome(0);
    await bench.summarize([], { batches: bench.first });
    expect(bench.outcome(0)).toEqual(standing);
  });

  test('that is a failure of an earlier attempt is tried again, and its payments are kept', async () => {
    const bench = await openBench();
    await bench.summarize([refused(), refused(), refused()], { batches: bench.first });
    expect(bench.outcome(0)).toMatchObject({ status: 'failed', error: { code: 'refused', message: 'refused' } });
    const unusable = bench.outcome(0).payments;
    expect(unusable).toEqual([0, 1, 2].map(() => ({ ...payment, calls: 0 })));
    await bench.summarize([answered('at last')], { batches: bench.first, attempt: 2 });
    expect(bench.outcome(0)).toMatchObject({ status: 'ok', attempt: 2, error: null, answer: { text: 'at last' } });
    expect(bench.outcome(0).payments).toEqual([...unusable, { ...payment, attempt: 2 }]);
    expect(paidFor(bench.outcome(0))).toMatchObject({ calls: 1, callsByAttempt: { 2: 1 }, inputTokens: 4_000, outputTokens: 400 });
  });
});

describe('a crash', () => {
  test('after the answer is kept costs nothing: the next try adopts it and counts the call once', async () => {
    const bench = await openBench();
    bench.work.crashBefore(OUTCOMES);
    await expect(bench.summarize([answered('paid')], { batches: bench.first })).rejects.toMatchObject({ name: 'CrashError' });
    expect(bench.outcomes()).toEqual([]);
    expect(await bench.summarize([], { batches: bench.first, retryCount: 1 })).toEqual(done);
    expect(bench.outcome(0)).toMatchObject({ status: 'ok', fromCache: false, tries: 2, answer: { text: 'paid' }, payments: paidOnce });
  });

  test('before the next attempt leaves the payment to the attempt that paid', async () => {
    const bench = await openBench();
    bench.work.crashAfter(CONTENTS);
    await expect(bench.summarize([answered('paid')], { batches: bench.first })).rejects.toMatchObject({ name: 'CrashError' });
    await bench.summarize([], { batches: bench.first, attempt: 2 });
    expect(bench.outcome(0)).toMatchObject({ status: 'ok', attempt: 2, payments: paidOnce });
  });

  test('before the answer is kept loses it: there is one more call, and one payment', async () => {
    const bench = await openBench();
    bench.work.crashBefore(CONTENTS);
    await expect(bench.summarize([answered('lost')], { batches: bench.first })).rejects.toMatchObject({ name: 'CrashError' });
    await bench.summarize([answered('second')], { batches: bench.first, retryCount: 1 });
    expect(bench.outcome(0)).toMatchObject({ answer: { text: 'second' }, payments: paidOnce });
  });

  test('after the outcome is written changes nothing', async () => {
    const bench = await openBench();
    bench.work.crashAfter(OUTCOMES);
    await expect(bench.summarize([answered('good')], { batches: bench.first })).rejects.toMatchObject({ name: 'CrashError' });
    const standing = bench.outcome(0);
    await bench.summarize([], { batches: bench.first, retryCount: 1 });
    expect(bench.outcome(0)).toEqual(standing);
  });
});

describe('an answer that was paid before', () => {
  test('by another run is from the cache and costs nothing', async () => {
    const bench = await openBench();
    await bench.summarizeWith(summaryOf(), { batches: bench.first });
    const other = sampleRun({ runId: 'june-fedcba9876543210', settings: { batchRows: 2, maxCostUsd: 0 } });
    await bench.summarize([], { batches: bench.first, of: other });
    expect(bench.outcome(0, other.runId)).toEqual({ ...bench.outcome(0), fromCache: true, payments: [] });
  });

  test.each([
    ['endpoint', sampleRun({ runId: 'june', endpoint: 'offline', settings: { batchRows: 2 } })],
    ['model', sampleRun({ runId: 'june', settings: { batchRows: 2, model: 'gpt-5.4-mini' } })],
    ['instruction', sampleRun({ runId: 'june', settings: { batchRows: 2, instruction: 'count {rows}' } })],
    ['temperature', sampleRun({ runId: 'june', settings: { batchRows: 2, temperature: 0 } })],
    ['maxOutputTokens', sampleRun({ runId: 'june', settings: { batchRows: 2, maxOutputTokens: 100 } })],
    ['dataset', sampleRun({ runId: 'june', dataset: 'sales', settings: { batchRows: 2 } })],
  ])('under another %s does not serve', async (_, other) => {
    const bench = await openBench();
    await bench.summarize([answered('one')], { batches: bench.first });
    await bench.summarize([answered('other')], { batches: bench.first, of: other });
    expect(bench.outcome(0, other.runId)).toMatchObject({
      fromCache: false,
      answer: { text: 'other' },
      payments: [{ attempt: 1, calls: 1 }],
    });
  });

  test('on another service tier does serve', async () => {
    const bench = await openBench();
    await bench.summarize([answered('one')], { batches: bench.first });
    await bench.summarize([], { batches: bench.first, of: sampleRun({ runId: 'june', settings: { batchRows: 2, serviceTier: 'flex' } }) });
    expect(bench.outcome(0, 'june').fromCache).toBe(true);
  });

  test('by another batch of the run that has the same words is not paid twice', async () => {
    const bench = await openBench({ texts: ['a', 'b', 'a', 'b'] });
    await bench.summarize([answered('paid')], { batches: bench.first });
    await bench.summarize([], { batches: bench.batches.slice(1) });
    expect(bench.outcome(0).payments).toEqual(paidOnce);
    expect(bench.outcome(1)).toMatchObject({ fromCache: false, payments: [], answer: { text: 'paid' } });
  });

  test('by whoever was faster stands: its text is taken, the own payment counted', async () => {
    const bench = await openBench({ texts: ['a', 'b', 'a', 'b'] });
    await bench.summarize([answered('faster')], { batches: bench.first });
    const key = bench.contentKeyOfTexts(['a', 'b']);
    const faster = bench.work.text(key);
    await bench.work.delete([key]);
    bench.work.before(CONTENTS, () => void bench.work.seed(key, faster), { operation: 'putIfAbsent' });
    await bench.summarize([answered('slower')], { batches: bench.batches.slice(1) });
    expect(bench.requests).toHaveLength(1);
    expect(bench.work.text(key)).toBe(faster);
    expect(bench.outcome(1)).toMatchObject({ fromCache: false, answer: { text: 'faster' }, payments: paidOnce });
  });
});
