import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { alignedStretches } from '../../../local/compare/alignment.ts';

const batchesOf = (rows: number, size: number, groupKey: string | null = null) =>
  Array.from({ length: Math.ceil(rows / size) }, (_, batch) => ({ groupKey, rows: Math.min(size, rows - batch * size) }));

const shapes = (ways: Parameters<typeof alignedStretches>[0]) =>
  alignedStretches(ways).map(({ firstRow, rows, batches }) => [firstRow, rows, batches.map((some) => some.length)]);

test('batches of 50, 100 and 200 rows meet every 200 rows, and at the end', () => {
  expect(shapes([batchesOf(450, 50), batchesOf(450, 100), batchesOf(450, 200)])).toEqual([
    [0, 200, [4, 2, 1]],
    [200, 200, [4, 2, 1]],
    [400, 50, [1, 1, 1]],
  ]);
});

test('batches that never meet are one stretch', () => {
  expect(shapes([batchesOf(100, 30), batchesOf(100, 70)])).toEqual([[0, 100, [4, 2]]]);
});

test('each group is aligned by itself', () => {
  const grouped = (size: number) => [...batchesOf(4, size, 'a'), ...batchesOf(3, size, 'b')];
  expect(alignedStretches([grouped(2), grouped(4)]).map(({ groupKey, firstRow, rows }) => [groupKey, firstRow, rows])).toEqual([
    ['a', 0, 4],
    ['b', 0, 3],
  ]);
});

test('whatever the batches are, every one is in one stretch, whose rows are the same in every way', () => {
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 20 });
  const way = cuts.map((ends) => {
    const sorted = [...ends, 100].sort((one, other) => one - other);
    return sorted.map((end, index) => ({ groupKey: null, rows: end - (sorted[index - 1] ?? 0) }));
  });
  fc.assert(
    fc.property(fc.array(way, { minLength: 1, maxLength: 5 }), (ways) => {
      const stretches = alignedStretches(ways);
      for (const [index, batches] of ways.entries()) expect(stretches.flatMap((stretch) => stretch.batches[index] ?? [])).toEqual(batches);
      for (const { rows, batches } of stretches)
        for (const some of batches) expect(some.reduce((sum, batch) => sum + batch.rows, 0)).toBe(rows);
    }),
  );
});
