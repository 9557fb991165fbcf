import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chosenRows } from '../../../local/compare/chosen-rows.ts';

test('as many rows as are asked for, each once, in order, and one of each of as many stretches of the file', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 50_000 }), fc.integer({ min: 1, max: 2_000 }), (rows, size) => {
      const chosen = [...chosenRows(rows, size)];
      expect(chosen).toHaveLength(Math.min(rows, size));
      chosen.forEach((row, stretch) => {
        expect(row).toBeGreaterThanOrEqual(Math.floor((stretch * rows) / chosen.length));
        expect(row).toBeLessThan(Math.floor(((stretch + 1) * rows) / chosen.length));
      });
    }),
    { numRuns: 60 },
  );
});

test('all rows where there are no more, and the same ones every time', () => {
  expect([...chosenRows(5, 5)]).toEqual([0, 1, 2, 3, 4]);
  expect([...chosenRows(3, 1_000)]).toEqual([0, 1, 2]);
  expect([...chosenRows(10_000, 100)]).toEqual([...chosenRows(10_000, 100)]);
});

test('a file that repeats itself is not met at the same place each time', () => {
  for (const period of [2, 7, 8, 10, 100]) {
    const places = new Map<number, number>();
    for (const row of chosenRows(100_000, 1_000)) places.set(row % period, (places.get(row % period) ?? 0) + 1);
    expect(places.size).toBe(period);
    expect(Math.max(...places.values())).toBeLessThan((1_000 / period) * 1.3 + 15);
  }
});

test('of ten billion rows the places are still whole numbers within them', () => {
  const chosen = [...chosenRows(10_000_000_000, 10)];
  expect(chosen.every((row, stretch) => Number.isSafeInteger(row) && Math.floor(row / 1_000_000_000) === stretch)).toBe(true);
});
