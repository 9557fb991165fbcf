import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { noCounts } from '../../../functions/plan-batches/stage-rows.ts';
import {
  type BatchName,
  callsOf,
  FoldShape,
  fanInOf,
  foldShapeOf,
  RunFolds,
  SUMMARY_OVERHEAD_TOKENS,
} from '../../../functions/shared/fold.ts';
import { FAN_IN } from '../../../functions/shared/limits.ts';
import { defaultSettings, type Settings } from '../../../functions/shared/settings.ts';

/** A place of the tree, built by hand: its batch, which a passed-up place shares with the one beneath. */
interface Place {
  name: BatchName;
}

/** The tree of so many batches, by taking places together until one is left. */
function treeOf(batches: number, fanIn: number) {
  const levels: Place[][] = [Array.from({ length: batches }, (_, batchId) => ({ name: { level: 0, batchId } }))];
  const parents = new Map<string, BatchName>();
  const folds: number[] = [];
  let folded = 0;
  for (let below = levels[0] as Place[]; below.length > 1; below = levels.at(-1) as Place[]) {
    const level = levels.length;
    const places: Place[] = [];
    let made = 0;
    for (let at = 0; at < below.length; at += fanIn) {
      const group = below.slice(at, at + fanIn);
      const [lone, second] = group;
      if (lone && !second) {
        places.push(lone);
        continue;
      }
      const name = { level, batchId: made++ };
      for (const child of group) parents.set(JSON.stringify(child.name), name);
      folded += group.length;
      places.push({ name });
    }
    folds.push(made);
    levels.push(places);
  }
  const parentOf = (name: BatchName) => parents.get(JSON.stringify(name)) ?? null;
  return { places: batches > 0 ? levels.map(({ length }) => length) : [], folds, folded, parentOf };
}

const allNames = (batches: number, folds: readonly number[]): BatchName[] =>
  [batches, ...folds].flatMap((count, level) => Array.from({ length: count }, (_, batchId) => ({ level, batchId })));

test('the shape of any number of batches is that of the tree built by hand', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 2, max: 120 }), (batches, fanIn) => {
      const shape = new FoldShape(batches, fanIn);
      const tree = treeOf(batches, fanIn);
      expect(shape.places).toEqual(tree.places);
      expect(tree.folds.map((_, index) => shape.folds(index + 1))).toEqual(tree.folds);
      expect(shape.allFolds).toBe(tree.folds.reduce((sum, folds) => sum + folds, 0));
      expect(shape.foldedSummaries).toBe(tree.folded);
      const names = allNames(batches, tree.folds);
      expect(names.map((name) => shape.parentOf(name))).toEqual(names.map(tree.parentOf));
    }),
    { numRuns: 100 },
  );
});

test('every batch has a way up to the one root, and every fold has two to fan-in summaries beneath', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 2, max: 5 }), (batches, fanIn) => {
      const shape = new FoldShape(batches, fanIn);
      const folds = shape.places.slice(1).map((_, index) => shape.folds(index + 1));
      const children = new Map<string, number>();
      let roots = 0;
      for (const name of allNames(batches, folds)) {
        const parent = shape.parentOf(name);
        if (parent === null) roots++;
        else {
          if (parent.level <= name.level) throw new Error(`The parent of ${JSON.stringify(name)} is not above it`);
          children.set(JSON.stringify(parent), (children.get(JSON.stringify(parent)) ?? 0) + 1);
        }
      }
      expect({ roots, folds: children.size }).toEqual({ roots: 1, folds: shape.allFolds });
      expect([...children.values()].filter((count) => count < 2 || count > fanIn)).toEqual([]);
    }),
    { numRuns: 50 },
  );
});

describe('by example', () => {
  test.each([
    [0, [], 0, 0],
    [1, [1], 0, 0],
    [2, [2, 1], 1, 2],
    [100, [100, 1], 1, 100],
    // The last batch is alone at level 1: it goes into the root as it is.
    [101, [101, 2, 1], 2, 102],
    [102, [102, 2, 1], 3, 104],
    [250, [250, 3, 1], 4, 253],
    [10_000, [10_000, 100, 1], 101, 10_100],
    [10_001, [10_001, 101, 2, 1], 102, 10_102],
  ])('%i batches have the places %j: %i folds of %i summaries', (batches, places, allFolds, foldedSummaries) => {
    const shape = new FoldShape(batches, FAN_IN);
    expect(shape.places).toEqual(places);
    expect(shape).toMatchObject({ allFolds, foldedSummaries });
  });

  test('the batch that is left alone has the root for its parent, two levels up', () => {
    const shape = new FoldShape(101, FAN_IN);
    expect(shape.parentOf({ level: 0, batchId: 99 })).toEqual({ level: 1, batchId: 0 });
    expect(shape.parentOf({ level: 0, batchId: 100 })).toEqual({ level: 2, batchId: 0 });
    expect(shape.parentOf({ level: 1, batchId: 0 })).toEqual({ level: 2, batchId: 0 });
    expect(shape.parentOf({ level: 2, batchId: 0 })).toBeNull();
    // Alone three levels in a row.
    expect(new FoldShape(10_001, FAN_IN).parentOf({ level: 0, batchId: 10_000 })).toEqual({ level: 3, batchId: 0 });
  });

  test('a level above the root has no folds', () => {
    for (const batches of [0, 1, 2, 101]) {
      const shape = new FoldShape(batches, FAN_IN);
      expect(shape.folds(Math.max(1, shape.places.length))).toBe(0);
    }
  });

  test('without roll-up there is level 0 alone, and no parents', () => {
    const shape = new FoldShape(250, FAN_IN, false);
    expect(shape.places).toEqual([250]);
    expect(shape).toMatchObject({ allFolds: 0, foldedSummaries: 0 });
    expect(shape.parentOf({ level: 0, batchId: 7 })).toBeNull();
  });
});

describe('the settings', () => {
  const fanIn = (maxBatchTokens: number, maxOutputTokens: number) => fanInOf({ maxBatchTokens, maxOutputTokens });

  test('give a fan-in of a hundred, less where the longest summaries would not fit, two at least', () => {
    expect(fanInOf(defaultSettings)).toBe(100);
    expect(fanIn(100_000, 984)).toBe(100);
    expect(fanIn(100_000, 985)).toBe(99);
    expect(fanIn(1_000, 250)).toBe(3);
    expect(fanIn(1_000, 100_000)).toBe(2);
  });

  test('never more summaries than fit, but for the two that there must be', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1_000, max: 1_000_000 }), fc.integer({ min: 1, max: 100_000 }), (maxBatchTokens, maxOutputTokens) => {
        const summaries = fanIn(maxBatchTokens, maxOutputTokens);
        expect(summaries >= 2 && summaries <= FAN_IN).toBe(true);
        if (summaries > 2) expect(summaries * maxOutputTokens).toBeLessThanOrEqual(maxBatchTokens);
      }),
    );
  });

  test('whatever the batch has of rows: 25,000 rows are 254 calls, without roll-up 250', () => {
    const callsWith = (changes: Partial<Settings>) => callsOfGroups([250], { ...defaultSettings, ...changes });
    expect(callsWith({})).toBe(254);
    expect(callsWith({ batchRows: 7 })).toBe(254);
    expect(callsWith({ rollUp: false })).toBe(250);
    expect(foldShapeOf(9, { ...defaultSettings, maxBatchTokens: 1_000 }).places).toEqual([9, 3, 1]);
  });
});

const largest = (groups: readonly number[]) => ({ groups: groups.length, largestGroupBatches: Math.max(...groups) });

/** Calls of groups that have so many batches each. */
function callsOfGroups(groups: readonly number[], settings: Settings): number {
  const folds = new RunFolds(largest(groups), settings);
  for (const batches of groups) folds.next(batches);
  const counts = { ...noCounts, batches: groups.reduce((sum, batches) => sum + batches, 0) };
  return callsOf({ counts, folds: folds.folds });
}

describe('groups', () => {
  /** Settings whose fan-in is the given one. */
  const settingsOf = (fanIn: number): Settings => ({
    ...defaultSettings,
    ...{ maxBatchTokens: 100_000, maxOutputTokens: Math.floor(100_000 / fanIn) - SUMMARY_OVERHEAD_TOKENS },
  });

  test('are folded each to its own root, and the roots to the one of the run, as trees built by hand', () => {
    const groups = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 24 });
    fc.assert(
      fc.property(groups, fc.integer({ min: 2, max: 9 }), (sizes, fanIn) => {
        const trees = sizes.map((batches) => treeOf(batches, fanIn));
        const levels = Math.max(...trees.map(({ folds }) => folds.length));
        const above = treeOf(sizes.length, fanIn);
        const takenBefore = (group: number, level: number) =>
          sizes.slice(0, group).reduce((sum, batches, index) => sum + (level === 0 ? batches : (trees[index]?.folds[level - 1] ?? 0)), 0);
        const aboveOf = (name: BatchName | null) => name && { ...name, level: name.level + levels };

        const run = new RunFolds(largest(sizes), settingsOf(fanIn));
        expect(run.groupLevels).toBe(levels);
        for (const [index, batches] of sizes.entries()) {
          const group = run.next(batches);
          const tree = trees[index] as ReturnType<typeof treeOf>;
          const inRun = (name: BatchName) => ({ level: name.level, batchId: takenBefore(index, name.level) + name.batchId });
          for (const name of allNames(batches, tree.folds)) {
            const parent = tree.parentOf(name);
            const isRoot = parent === null;
            expect(group.parentOf(name.level, name.batchId)).toEqual(
              isRoot ? aboveOf(above.parentOf({ level: 0, batchId: index })) : inRun(parent),
            );
            if (isRoot) expect(group.root).toEqual(inRun(name));
          }
        }
        const ofGroups = Array.from({ length: levels }, (_, level) => takenBefore(sizes.length, level + 1));
        expect(run.folds).toEqual([...ofGroups, ...above.folds]);
        expect(run.foldedSummaries).toBe(trees.reduce((sum, { folded }) => sum + folded, above.folded));
        for (const name of allNames(sizes.length, above.folds).filter(({ level }) => level > 0))
          expect(run.parentAbove({ ...name, level: name.level + levels })).toEqual(aboveOf(above.parentOf(name)));
      }),
      { numRuns: 100 },
    );
  });

  test('one group is the run: its root is the root, and its calls are those of a run without groups', () => {
    const run = new RunFolds({ groups: 1, largestGroupBatches: 250 }, defaultSettings);
    const group = run.next(250);
    expect(group.root).toEqual({ level: 2, batchId: 0 });
    expect(group.parentOf(2, 0)).toBeNull();
    expect(run.folds).toEqual([3, 1]);
  });

  test('101 groups of one batch: the batches are the roots, and only the levels above them fold', () => {
    expect(callsOfGroups(Array(101).fill(1), defaultSettings)).toBe(101 + 1 + 1);
  });

  test('three groups of 250, 1 and 2 batches: 4 folds, none and 1, and one of the roots above the highest of them', () => {
    const run = new RunFolds({ groups: 3, largestGroupBatches: 250 }, defaultSettings);
    const roots = [250, 1, 2].map((batches) => run.next(batches).root);
    expect(roots).toEqual([
      { level: 2, batchId: 0 },
      { level: 0, batchId: 250 },
      { level: 1, batchId: 3 },
    ]);
    expect(run.folds).toEqual([4, 1, 1]);
  });

  test('without roll-up a group has a root only where one batch holds all of it', () => {
    const run = new RunFolds({ groups: 2, largestGroupBatches: 2 }, { ...defaultSettings, rollUp: false });
    expect([run.next(2).root, run.next(1).root]).toEqual([null, { level: 0, batchId: 2 }]);
    expect(run.folds).toEqual([]);
  });
});
