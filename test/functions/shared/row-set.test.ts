import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { rowSetText, rowsOfSet } from '../../../functions/shared/row-set.ts';

test('a set of row numbers comes back as it was', () => {
  const rows = fc.uniqueArray(fc.oneof(fc.nat(500), fc.nat(2 ** 32 - 1)), { maxLength: 300 }).map((some) => some.toSorted((a, b) => a - b));
  fc.assert(fc.property(rows, (ascending) => expect([...rowsOfSet(rowSetText(ascending))]).toEqual(ascending)));
});

test('neighbours take a byte each, rows of one group in a hundred take one, too', () => {
  const bytesOf = (rows: number[]) => Buffer.from(rowSetText(rows), 'base64').length;
  expect(bytesOf(Array.from({ length: 1_000 }, (_, row) => row))).toBe(1_000);
  expect(bytesOf(Array.from({ length: 1_000 }, (_, row) => row * 100))).toBe(1_000);
  expect(rowSetText([])).toBe('');
});

test('numbers that do not ascend are no set', () => {
  for (const rows of [
    [3, 3],
    [3, 2],
  ])
    expect(() => rowSetText(rows)).toThrow('does not come after');
});
