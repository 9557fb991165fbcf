import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { closeLedger } from '../../../functions/finish-run/row-ledger.ts';
import { noSums, sumsOf } from '../../../functions/finish-run/run-ledger.ts';
import type { Receipt } from '../../../functions/shared/receipt.ts';
import { rowSetText } from '../../../functions/shared/row-set.ts';

const receipt = (start: number, end: number, changes: Partial<Receipt> = {}): Receipt => ({
  ...{ part: String(start), rows: { start, end }, rowsSummarized: end - start, rowsFailed: 0, rowsRejected: 0, rowsSkipped: 0 },
  ...{
    firstBatchId: 0,
    batches: 1,
    batchesFailed: 0,
    failures: {},
    calls: 1,
    callsByAttempt: { 1: 1 },
    inputTokens: 10,
    outputTokens: 1,
    costUsd: 0.5,
  },
  tables: [],
  ...changes,
});

test.each([
  ['one part', [receipt(0, 5)], 5],
  ['three parts', [receipt(0, 5), receipt(5, 6), receipt(6, 20)], 20],
  ['rows of every fate', [receipt(0, 9, { rowsSummarized: 2, rowsFailed: 3, rowsRejected: 4 })], 9],
])('%s: it closes', (_, receipts, rowsIn) => {
  expect(() => closeLedger(receipts, rowsIn, false)).not.toThrow();
});

test.each([
  ['the first row is missing', [receipt(1, 5)], 5, 'rows_missing_or_doubled'],
  ['the last row is missing', [receipt(0, 4)], 5, 'rows_missing_or_doubled'],
  ['a row beyond the upload', [receipt(0, 6)], 5, 'rows_missing_or_doubled'],
  ['a gap between parts', [receipt(0, 2), receipt(3, 5)], 5, 'rows_missing_or_doubled'],
  ['a row in two parts', [receipt(0, 3), receipt(2, 5)], 5, 'rows_missing_or_doubled'],
  ['a part twice', [receipt(0, 5), receipt(0, 5)], 5, 'rows_missing_or_doubled'],
  ['no part', [], 5, 'rows_missing_or_doubled'],
  ['a row without a fate', [receipt(0, 5, { rowsSummarized: 4 })], 5, 'rows_unaccounted'],
  ['a row of two fates', [receipt(0, 5, { rowsFailed: 1 })], 5, 'rows_unaccounted'],
])('%s: it does not', (_, receipts, rowsIn, code) => {
  expect(() => closeLedger(receipts, rowsIn, false)).toThrow(expect.objectContaining({ name: 'LedgerError', code }));
});

test('any cut of the rows into parts closes, and any part left out does not', () => {
  const cuts = fc
    .uniqueArray(fc.integer({ min: 1, max: 999 }), { maxLength: 20 })
    .map((some) => [0, ...some.toSorted((a, b) => a - b), 1_000]);
  fc.assert(
    fc.property(cuts, fc.nat(), (borders, pick) => {
      const receipts = borders.slice(1).map((end, index) => receipt(borders[index] as number, end));
      closeLedger(receipts, 1_000, false);
      expect(() => closeLedger(receipts.toSpliced(pick % receipts.length, 1), 1_000, false)).toThrow();
    }),
  );
});

test('sums are over all parts; calls of this attempt are those that it paid for', () => {
  const receipts = [
    receipt(0, 5, {
      failures: { empty: 1 },
      claimCounts: { claims: 5, claimsDropped: 1, citations: 9, citationsDropped: 3 },
      callsByAttempt: { 1: 2, 2: 3 },
      calls: 5,
    }),
    receipt(5, 9, {
      failures: { empty: 2, refusal: 1 },
      claimCounts: { claims: 2, claimsDropped: 2, citations: 4, citationsDropped: 4 },
      callsByAttempt: { 2: 1 },
    }),
  ];
  expect(sumsOf(receipts, null, 2)).toEqual({
    ...{
      rowsSummarized: 9,
      rowsFailed: 0,
      rowsRejected: 0,
      rowsSkipped: 0,
      batches: 2,
      batchesFailed: 0,
      failures: { empty: 3, refusal: 1 },
      claimCounts: { claims: 7, claimsDropped: 3, citations: 13, citationsDropped: 7 },
      foldsIncomplete: 0,
      levels: 1,
    },
    ...{ calls: 6, callsThisAttempt: 4, inputTokens: 20, outputTokens: 2, costUsd: 1 },
  });
  expect(sumsOf(receipts, null, 3).callsThisAttempt).toBe(0);
  expect(sumsOf([...receipts, receipt(9, 10, { costUsd: null })], null, 2).costUsd).toBeNull();
  expect(sumsOf([], null, 1)).toEqual(noSums);
});

describe('the ledger of a grouped run', () => {
  const ofRows = (part: string, rows: number[], changes: Partial<Receipt> = {}): Receipt => {
    const numbers = { count: rows.length, set: rowSetText(rows) };
    return { ...receipt(0, rows.length), part, rows: numbers, ...changes };
  };

  test('closes where the sets of row numbers are disjoint and hold all of them, whatever part they lie in', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(4), { minLength: 1, maxLength: 300 }), (partOf) => {
        const parts = [0, 1, 2, 3, 4].map((part) =>
          ofRows(
            String(part),
            [...partOf.keys()].filter((row) => partOf[row] === part),
          ),
        );
        expect(() => closeLedger(parts, partOf.length, true)).not.toThrow();
        const filled = parts.filter(({ rows }) => 'set' in rows && rows.count > 0);
        expect(() => closeLedger(filled.slice(1), partOf.length, true)).toThrow(expect.objectContaining({ name: 'LedgerError' }));
        expect(() => closeLedger([...parts, filled[0] as Receipt], partOf.length, true)).toThrow(
          expect.objectContaining({ code: 'rows_missing_or_doubled' }),
        );
      }),
    );
  });

  test.each([
    ['a row is missing', [ofRows('0', [0, 2]), ofRows('1', [3])], 'rows_missing_or_doubled'],
    ['a row stands in two parts', [ofRows('0', [0, 2]), ofRows('1', [1, 2, 3])], 'rows_missing_or_doubled'],
    ['a row is beyond the upload', [ofRows('0', [0, 1, 2]), ofRows('1', [4])], 'rows_missing_or_doubled'],
    ['another row in place of one', [ofRows('0', [0, 1]), ofRows('1', [1, 3])], 'rows_missing_or_doubled'],
    ['a part has a range', [ofRows('0', [0, 1]), receipt(2, 4)], 'rows_missing_or_doubled'],
    [
      'a set has fewer numbers than it says',
      [ofRows('0', [0, 1]), ofRows('1', [2, 3], { rows: { count: 2, set: rowSetText([3]) } })],
      'rows_missing_or_doubled',
    ],
    ['a row has no fate', [ofRows('0', [0, 1, 2, 3], { rowsSummarized: 3 })], 'rows_unaccounted'],
    ['a skipped row is summarized, too', [ofRows('0', [0, 1, 2, 3], { rowsSkipped: 1 })], 'rows_unaccounted'],
  ])('does not where %s', (_, receipts, code) => {
    expect(() => closeLedger(receipts, 4, true)).toThrow(expect.objectContaining({ name: 'LedgerError', code }));
  });

  test('does not take sets in a run that is not grouped', () => {
    expect(() => closeLedger([ofRows('0', [0, 1])], 2, false)).toThrow(expect.objectContaining({ code: 'rows_missing_or_doubled' }));
  });
});
