import { describe, expect, test } from '@jest/globals';
import { noSums, type RunSums } from '../../../functions/finish-run/run-ledger.ts';
import { earlyVerdict, verdictOf } from '../../../functions/finish-run/run-status.ts';

const sums = (changes: Partial<RunSums>): RunSums => ({
  ...noSums,
  rowsSummarized: 90,
  rowsFailed: 10,
  batches: 10,
  batchesFailed: 1,
  failures: { empty: 1 },
  ...changes,
});

describe('the verdict on a run that came to its end', () => {
  test.each([
    ['no row failed', sums({ rowsFailed: 0, failures: {} }), null, 0, 'complete', null],
    ['rows were rejected, none failed', sums({ rowsFailed: 0, failures: {}, rowsRejected: 900 }), null, 0, 'complete', null],
    ['some failed, all are tolerated', sums({}), null, 100, 'partial', 'failed rows by reason: empty: 1'],
    ['exactly the tolerated share failed', sums({}), null, 10, 'partial', 'failed rows by reason: empty: 1'],
    [
      'more than the tolerated share failed',
      sums({}),
      null,
      9.9,
      'failed',
      '10.0 % of the rows failed, 9.9 % are tolerated; failed rows by reason: empty: 1',
    ],
    ['none are tolerated', sums({ rowsSummarized: 9_999, rowsFailed: 1 }), null, 0, 'failed', expect.stringContaining('0 % are tolerated')],
    [
      'none was summarized, all tolerated',
      sums({ rowsSummarized: 0, failures: { empty: 1, refusal: 5 } }),
      null,
      100,
      'failed',
      'No row could be summarized; failed rows by reason: refusal: 5, empty: 1',
    ],
    ['it was halted', sums({}), 'budget_exceeded', 0, 'halted', 'budget_exceeded'],
    ['it was halted before the first summary', sums({ rowsSummarized: 0 }), 'model_access', 100, 'halted', 'model_access'],
  ])('%s', (_, given, stopReason, tolerated, status, reason) => {
    expect(verdictOf(given, stopReason, tolerated)).toEqual({ status, stopReason: reason });
  });
});

test.each([
  [null, undefined, undefined],
  ['InvalidUploadError', 'july.csv is a PDF.', { status: 'rejected', stopReason: 'july.csv is a PDF.' }],
  ['InvalidUploadError', undefined, { status: 'rejected', stopReason: 'The file cannot be a source of rows' }],
  ['States.Timeout', undefined, { status: 'failed', stopReason: 'The workflow ended early: States.Timeout' }],
  ['ResultConflictError', 'july.csv is a PDF.', { status: 'failed', stopReason: 'The workflow ended early: ResultConflictError' }],
])('the verdict after %p, with the refusal %p', (failure, refusal, verdict) => {
  expect(earlyVerdict({ failure, stopReason: null }, refusal, true)).toEqual(verdict);
});

test.each([
  ['before it was planned is that of the halt', false, { status: 'halted', stopReason: 'interrupted' }],
  [
    'when its tables could not be written is that of the failure',
    true,
    { status: 'failed', stopReason: 'The workflow ended early: States.Timeout' },
  ],
])('the verdict on a run that was halted %s', (_, isPlanned, verdict) => {
  expect(earlyVerdict({ failure: 'States.Timeout', stopReason: 'interrupted' }, undefined, isPlanned)).toEqual(verdict);
});

test('the verdict on a run that was halted before it was planned, by a workflow that came to its end, is that of the halt', () => {
  expect(earlyVerdict({ failure: null, stopReason: 'interrupted' }, undefined, false)).toEqual({
    status: 'halted',
    stopReason: 'interrupted',
  });
  expect(earlyVerdict({ failure: null, stopReason: 'interrupted' }, undefined, true)).toBeUndefined();
});
