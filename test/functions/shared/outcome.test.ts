import { expect, test } from '@jest/globals';
import { noPayment, type Outcome, readOutcome, writeOutcome } from '../../../functions/shared/outcome.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { ACCEPTED_AT, RUN_ID } from '../../fakes/sample-run.ts';

const base = { batchId: 3, level: 0, tries: 1, paid: noPayment, fromCache: false, promptVersion: '1', contentKey: null };
const okOutcome = (text: string, attempt = 1): Outcome => ({
  ...base,
  attempt,
  status: 'ok',
  answer: { text, finishReason: 'stop', model: 'm', serviceTier: null, latencyMs: 1, createdAt: ACCEPTED_AT },
  error: null,
});
const failedOutcome = (code: string, attempt = 1): Outcome => ({
  ...base,
  attempt,
  status: 'failed',
  answer: null,
  error: { code, message: code },
});

test('a late failure never covers a summary, of this attempt or the next', async () => {
  const work = new MemoryStore('work');
  await writeOutcome(work, RUN_ID, okOutcome('good'));
  await writeOutcome(work, RUN_ID, failedOutcome('states_timeout'));
  await writeOutcome(work, RUN_ID, failedOutcome('states_timeout', 2));
  expect(await readOutcome(work, RUN_ID, 0, 3)).toEqual(okOutcome('good'));
});

test('a summary covers a failure, and a later failure an earlier one', async () => {
  const work = new MemoryStore('work');
  await writeOutcome(work, RUN_ID, failedOutcome('empty'));
  await writeOutcome(work, RUN_ID, failedOutcome('refused', 2));
  expect(await readOutcome(work, RUN_ID, 0, 3)).toEqual(failedOutcome('refused', 2));
  await writeOutcome(work, RUN_ID, okOutcome('good', 3));
  expect(await readOutcome(work, RUN_ID, 0, 3)).toEqual(okOutcome('good', 3));
});

test('batches of one number on two levels have an outcome each', async () => {
  const work = new MemoryStore('work');
  await writeOutcome(work, RUN_ID, okOutcome('rows'));
  await writeOutcome(work, RUN_ID, { ...okOutcome('fold'), level: 1 });
  expect((await readOutcome(work, RUN_ID, 0, 3))?.answer?.text).toBe('rows');
  expect((await readOutcome(work, RUN_ID, 1, 3))?.answer?.text).toBe('fold');
  expect(await readOutcome(work, RUN_ID, 0, 4)).toBeUndefined();
});
