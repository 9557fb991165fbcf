import { describe, expect, test } from '@jest/globals';
import { ModelQuotaExhaustedError, ModelThrottledError, ModelUnavailableError } from '../../../functions/shared/errors.ts';
import type { Outcome } from '../../../functions/shared/outcome.ts';
import type { SummaryRequest } from '../../../functions/shared/ports.ts';
import { manyTexts, sampleRun } from '../../fakes/sample-run.ts';
import { ANSWER_USAGE, ScriptedSummarizer } from '../../fakes/scripted-summarizer.ts';
import { CONTENTS, failingAt, OUTCOMES, openBench, paidFor, refused } from './summarize-bench.ts';

const ROWS = 12;
const BAD = 'text 5';
const run = sampleRun({ settings: { batchRows: ROWS } });
const openBatch = () => openBench({ run, texts: manyTexts(ROWS) });
type Bench = Awaited<ReturnType<typeof openBatch>>;

const model = () => failingAt([BAD], refused);
/** The model, but the call of that number ends with this error. */
const troubledModel = (nth: number, trouble: () => Error) => {
  const inner = model();
  const outer: ScriptedSummarizer = new ScriptedSummarizer((request) =>
    outer.requests.length === nth ? trouble() : inner.summarize(request, {}),
  );
  return outer;
};
const words = (requests: readonly SummaryRequest[]) => requests.map(({ messages }) => messages[1]?.content ?? '');

/** What a batch that was never disturbed leaves. */
async function undisturbed() {
  const bench = await openBatch();
  await bench.summarizeWith(model());
  return { requests: words(bench.requests), outcome: bench.outcome(0), writes: bench.work.writtenKeys.length };
}

const withoutTries = (bench: Bench) => {
  const { tries: _, ...outcome } = bench.outcome(0);
  return outcome;
};

const withoutTimes = ({ answer, ...outcome }: Outcome) => ({ ...outcome, answer: answer && { ...answer, createdAt: '' } });

describe('a split that dies', () => {
  test('after any of its writes is resumed without a call for anything that was answered, usable or refused', async () => {
    const expected = await undisturbed();
    expect(expected.requests).toHaveLength(8);
    expect(expected.writes).toBe(9);
    for (let nth = 1; nth <= expected.writes; nth++) {
      const bench = await openBatch();
      bench.work.crashAfter(/./, { nth });
      await expect(bench.summarizeWith(model())).rejects.toMatchObject({ name: 'CrashError' });
      const before = words(bench.requests);
      await bench.summarizeWith(model(), { retryCount: 1 });
      expect([...before, ...words(bench.requests)]).toEqual(expected.requests);
      expect(withoutTries(bench)).toEqual({ ...expected.outcome, tries: undefined });
    }
  });

  test('before any of its writes loses one answer at most, and counts what it can know', async () => {
    const expected = await undisturbed();
    for (let nth = 1; nth <= expected.writes; nth++) {
      const bench = await openBatch();
      bench.work.crashBefore(/./, { nth });
      await expect(bench.summarizeWith(model())).rejects.toMatchObject({ name: 'CrashError' });
      const before = words(bench.requests);
      await bench.summarizeWith(model(), { retryCount: 1 });
      const lost = nth === expected.writes ? [] : [expected.requests[nth - 1]];
      expect([...before, ...words(bench.requests)].toSorted()).toEqual([...expected.requests, ...lost].toSorted());
      expect(withoutTries(bench)).toEqual({ ...expected.outcome, tries: undefined });
    }
  });

  test('and goes on in the next attempt pays for the refused anew and for no usable answer twice', async () => {
    const bench = await openBatch();
    bench.work.crashBefore(OUTCOMES);
    await expect(bench.summarizeWith(model())).rejects.toMatchObject({ name: 'CrashError' });
    const refusals = bench.contents().filter((key) => bench.work.json(key).answer === null).length;
    expect(refusals).toBe(4);
    await bench.summarizeWith(model(), { attempt: 2 });
    expect(bench.requests).toHaveLength(refusals);
    const { status, failedRows, payments } = bench.outcome(0);
    expect({ status, failedRows }).toEqual({ status: 'partial', failedRows: [{ rowNumber: 5, code: 'refusal' }] });
    expect(payments.filter(({ attempt, calls }) => attempt === 1 && calls === 1)).toHaveLength(4);
    expect(payments.filter(({ attempt, calls }) => attempt === 1 && calls === 0)).toHaveLength(refusals);
    expect(payments.filter(({ attempt, calls }) => attempt === 2 && calls === 0)).toHaveLength(refusals);
    expect(payments).toHaveLength(4 + 2 * refusals);
  });
});

describe('a split that has to wait', () => {
  test.each(Array.from({ length: 8 }, (_, call) => call + 1))('at call %i goes on from there', async (nth) => {
    const expected = await undisturbed();
    const bench = await openBatch();
    const throttled = () => new ModelThrottledError('slow down', { retryAfterSeconds: 60 });
    expect(await bench.summarizeWith(troubledModel(nth, throttled))).toEqual({ waitSeconds: 60, remaining: bench.batches });
    expect(bench.outcomes()).toEqual([]);
    const before = words(bench.requests).slice(0, -1);
    bench.clock.advance(60);
    await bench.summarizeWith(model());
    expect([...before, ...words(bench.requests)]).toEqual(expected.requests);
    expect(withoutTimes(bench.outcome(0))).toEqual(withoutTimes(expected.outcome));
  });

  test('a second does so here', async () => {
    const expected = await undisturbed();
    const bench = await openBatch();
    await bench.summarizeWith(troubledModel(4, () => new ModelThrottledError('slow down', { retryAfterSeconds: 1 })));
    expect(bench.clock.sleeps).toEqual([1]);
    expect(words(bench.requests)).toEqual(expected.requests.toSpliced(3, 0, expected.requests[3] as string));
    expect(bench.outcome(0).payments).toEqual(expected.outcome.payments);
  });
});

describe('when tries are used up, a split', () => {
  test('of which everything was answered is adopted', async () => {
    const expected = await undisturbed();
    const bench = await openBatch();
    bench.work.crashBefore(OUTCOMES);
    await expect(bench.summarizeWith(model())).rejects.toMatchObject({ name: 'CrashError' });
    await bench.summarize([], { failure: 'States.Timeout', retryCount: 8 });
    expect(bench.outcome(0)).toEqual({ ...expected.outcome, tries: 9 });
  });

  test('of which an answer is missing fails; what was paid is counted, and serves the next attempt', async () => {
    const bench = await openBatch();
    const down = () => new ModelUnavailableError('502', { code: 'http_502' });
    await expect(bench.summarizeWith(troubledModel(7, down))).rejects.toMatchObject({ name: 'ModelUnavailableError' });
    await bench.summarize([], { failure: 'ModelUnavailableError', retryCount: 8 });
    expect(bench.outcome(0)).toMatchObject({ status: 'failed', tries: 9, error: { code: 'model_unavailable' }, failedRows: [] });
    expect(paidFor(bench.outcome(0))).toMatchObject({ calls: 2, inputTokens: 6_000 });
    const before = bench.outcome(0).payments;

    const usable = bench.contents().filter((key) => bench.work.json(key).answer !== null);
    await bench.summarizeWith(model(), { attempt: 2 });
    expect(bench.outcome(0)).toMatchObject({ status: 'partial', attempt: 2 });
    expect(bench.outcome(0).payments).toEqual(expect.arrayContaining(before));
    expect(bench.requests).toHaveLength(8 - usable.length);
  });
});

describe('a split that is halted', () => {
  test('leaves what it paid in its outcome; the next attempt goes on from there', async () => {
    const bench = await openBatch();
    const noCredit = () => new ModelQuotaExhaustedError('No credit', { code: 'insufficient_quota' });
    await bench.summarizeWith(troubledModel(7, noCredit));
    expect(await bench.control.stopReason(run.runId, 1)).toBe('quota_exhausted: insufficient_quota');
    const { payments, ...halted } = bench.outcome(0);
    expect(halted).toMatchObject({ status: 'failed', error: { code: 'halted' } });
    expect(payments).toHaveLength(6);
    const paidFirst = payments.filter(({ calls }) => calls > 0).length;
    await bench.summarizeWith(model(), { attempt: 2 });
    expect(bench.requests).toHaveLength(8 - paidFirst);
    expect(bench.outcome(0)).toMatchObject({ status: 'partial', failedRows: [{ rowNumber: 5 }] });
    expect(bench.outcome(0).payments).toEqual(expect.arrayContaining(payments));
  });
});

describe('an outcome of some rows', () => {
  test('is final: neither this attempt nor the next touches it', async () => {
    const bench = await openBatch();
    await bench.summarizeWith(model());
    bench.work.operations.length = 0;
    await bench.summarize([]);
    await bench.summarize([], { attempt: 2 });
    await bench.summarize([], { failure: 'States.Timeout', retryCount: 8 });
    expect(bench.work.writtenKeys).toEqual([]);
  });

  test('of another run serves: its answers cost nothing, what was refused there is asked for here', async () => {
    const bench = await openBatch();
    await bench.summarizeWith(model());
    const other = sampleRun({ runId: 'june', settings: { batchRows: ROWS } });
    await bench.summarizeWith(model(), { of: other });
    expect(bench.requests).toHaveLength(4);
    expect(bench.outcome(0, 'june')).toMatchObject({ status: 'partial', failedRows: [{ rowNumber: 5 }], fromCache: false });
    expect(paidFor(bench.outcome(0, 'june'))).toMatchObject({ calls: 0, inputTokens: 4 * ANSWER_USAGE.inputTokens });
  });
});

test('rows of the same words are asked for once, whether they are refused or answered', async () => {
  const texts = ['x', 'x', 'y', 'y'];
  const bench = await openBench({ run: sampleRun({ settings: { batchRows: 4 } }), texts });
  await bench.summarizeWith(failingAt(['x'], refused));
  expect(bench.outcome(0).failedRows.map(({ rowNumber }) => rowNumber)).toEqual([0, 1]);
  expect(words(bench.requests)).toEqual(['["x","x","y","y"]', '["x","x"]', '["x"]', '["y","y"]']);
  expect(bench.work.writtenKeys.filter((key) => CONTENTS.test(key))).toHaveLength(4);
  expect(paidFor(bench.outcome(0))).toMatchObject({ calls: 1, inputTokens: 4_000 });
});
