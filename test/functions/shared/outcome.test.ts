import { describe, expect, test } from '@jest/globals';
import { addPayments, noPayments, type Outcome, type Payment, readOutcome, writeOutcome } from '../../../functions/shared/outcome.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { ACCEPTED_AT, RUN_ID } from '../../fakes/sample-run.ts';

const base = {
  batchId: 3,
  level: 0,
  tries: 1,
  payments: [],
  failedRows: [],
  rowsFailed: 0,
  fromCache: false,
  promptVersion: '1',
  contentKey: null,
};
const okOutcome = (text: string, attempt = 1): Outcome => ({
  ...base,
  attempt,
  status: 'ok',
  answer: { text, finishReason: 'stop', model: 'm', serviceTier: null, latencyMs: 1, createdAt: ACCEPTED_AT },
  error: null,
});
const partialOutcome = (text: string): Outcome => ({
  ...okOutcome(text),
  status: 'partial',
  error: { code: 'refusal', message: 'refused' },
  failedRows: [{ rowNumber: 301, code: 'refusal' }],
});
const failedOutcome = (code: string, attempt = 1): Outcome => ({
  ...base,
  attempt,
  status: 'failed',
  answer: null,
  error: { code, message: code },
});

test.each([okOutcome('good'), partialOutcome('good')])(
  'a late failure never covers a summary, of this attempt or the next',
  async (good) => {
    const work = new MemoryStore('work');
    await writeOutcome(work, RUN_ID, good);
    await writeOutcome(work, RUN_ID, failedOutcome('states_timeout'));
    await writeOutcome(work, RUN_ID, failedOutcome('states_timeout', 2));
    expect(await readOutcome(work, RUN_ID, 0, 3)).toEqual(good);
  },
);

test('a summary covers a failure, and a later failure an earlier one', async () => {
  const work = new MemoryStore('work');
  await writeOutcome(work, RUN_ID, failedOutcome('empty'));
  await writeOutcome(work, RUN_ID, failedOutcome('refused', 2));
  expect(await readOutcome(work, RUN_ID, 0, 3)).toEqual(failedOutcome('refused', 2));
  await writeOutcome(work, RUN_ID, okOutcome('good', 3));
  expect(await readOutcome(work, RUN_ID, 0, 3)).toEqual(okOutcome('good', 3));
});

test('a summary of some rows covers a failure', async () => {
  const work = new MemoryStore('work');
  await writeOutcome(work, RUN_ID, failedOutcome('halted'));
  await writeOutcome(work, RUN_ID, partialOutcome('some'));
  expect(await readOutcome(work, RUN_ID, 0, 3)).toEqual(partialOutcome('some'));
});

test('what two workers paid for one batch is added up, each answer once, whoever of them stands', async () => {
  const payment = (answerId: string): Payment => ({ answerId, attempt: 1, calls: 1, inputTokens: 10, outputTokens: 1, costUsd: 0.5 });
  const paid = (outcome: Outcome, ...answerIds: string[]) => ({ ...outcome, payments: answerIds.map(payment) });
  const work = new MemoryStore('work');
  await writeOutcome(work, RUN_ID, paid(failedOutcome('halted'), 'a'));
  await writeOutcome(work, RUN_ID, paid(okOutcome('good'), 'b', 'a'));
  expect(await readOutcome(work, RUN_ID, 0, 3)).toEqual(paid(okOutcome('good'), 'a', 'b'));
  await writeOutcome(work, RUN_ID, paid(failedOutcome('states_timeout'), 'c'));
  expect(await readOutcome(work, RUN_ID, 0, 3)).toEqual(paid(okOutcome('good'), 'a', 'b', 'c'));
});

test('batches of one number on two levels have an outcome each', async () => {
  const work = new MemoryStore('work');
  await writeOutcome(work, RUN_ID, okOutcome('rows'));
  await writeOutcome(work, RUN_ID, { ...okOutcome('fold'), level: 1 });
  expect((await readOutcome(work, RUN_ID, 0, 3))?.answer?.text).toBe('rows');
  expect((await readOutcome(work, RUN_ID, 1, 3))?.answer?.text).toBe('fold');
  expect(await readOutcome(work, RUN_ID, 0, 4)).toBeUndefined();
});

describe('payments', () => {
  const payment = (changes: Partial<Payment>): Payment => ({
    ...{ answerId: 'one', attempt: 1, calls: 1, inputTokens: 10, outputTokens: 1, costUsd: 0.5 },
    ...changes,
  });

  test('add up over attempts; answers of no use cost and do not count as calls', () => {
    const sums = addPayments(noPayments(), [
      payment({}),
      payment({ calls: 0 }),
      payment({ attempt: 2 }),
      payment({ attempt: 3, calls: 0 }),
    ]);
    expect(addPayments(sums, [payment({ attempt: 2 })])).toEqual({
      ...{ calls: 3, callsByAttempt: { 1: 1, 2: 2 }, inputTokens: 50, outputTokens: 5, costUsd: 2.5 },
    });
  });

  test('of an unknown price make the sum unknown for good', () => {
    const sums = addPayments(noPayments(), [payment({}), payment({ costUsd: null }), payment({})]);
    expect(sums).toMatchObject({ calls: 3, inputTokens: 30, costUsd: null });
  });

  test('no two sums share their counts', () => {
    addPayments(noPayments(), [payment({})]);
    expect(noPayments()).toEqual({ calls: 0, callsByAttempt: {}, inputTokens: 0, outputTokens: 0, costUsd: 0 });
  });
});

test('a late summary of fewer rows never covers one of more, whichever attempt it is of', async () => {
  const work = new MemoryStore('work');
  await writeOutcome(work, RUN_ID, okOutcome('whole', 2));
  await writeOutcome(work, RUN_ID, partialOutcome('most'));
  expect(await readOutcome(work, RUN_ID, 0, 3)).toMatchObject({ status: 'ok', attempt: 2, failedRows: [] });
  await writeOutcome(work, RUN_ID, okOutcome('late', 1));
  expect((await readOutcome(work, RUN_ID, 0, 3))?.answer?.text).toBe('whole');
});
