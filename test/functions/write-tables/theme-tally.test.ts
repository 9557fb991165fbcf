import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Claim, sentiments } from '../../../functions/shared/claim.ts';
import type { BatchName } from '../../../functions/shared/fold.ts';
import { MAX_EXAMPLE_IDS } from '../../../functions/shared/limits.ts';
import { type FoldThemes, foldThemes, mergeEqualNames, themeKey, themesOfClaims } from '../../../functions/shared/theme.ts';
import { ThemePaths } from '../../../functions/write-tables/theme-paths.ts';
import { ThemeTally } from '../../../functions/write-tables/theme-tally.ts';

const claim = (theme: string, sentiment: Claim['sentiment'], rows: number[]): Claim => ({
  ...{ theme, sentiment, statement: `${theme} is ${sentiment}` },
  evidence: rows.map((rowNumber) => ({ rowNumber, id: `id-${rowNumber}`, quote: '' })),
});
const everything = { nameOf: (theme: string) => (theme === 'Rare' ? null : theme.toLowerCase()) };

test('a row counts once for a theme, for its feelings, and not at all for what did not come up', () => {
  const tally = new ThemeTally();
  tally.add(
    [claim('Fit', 'positive', [3, 1]), claim('fit', 'negative', [3, 2]), claim('Fit', 'mixed', [1]), claim('Rare', 'positive', [1])],
    4,
    everything,
  );
  tally.add([claim('FIT', 'negative', [7, 8, 9, 10]), claim('Price', 'neutral', [7])], 6, everything);
  tally.add([claim('Fit', 'positive', [20])], 5, null);
  expect(tally.summarizedRows).toBe(15);
  expect(tally.themes()).toEqual([
    { theme: 'fit', rows: 7, positiveRows: 2, negativeRows: 6, exampleIds: ['id-1', 'id-2', 'id-3', 'id-7', 'id-8'] },
    { theme: 'price', rows: 1, positiveRows: 0, negativeRows: 0, exampleIds: ['id-7'] },
  ]);
});

const name = fc.constantFrom('Fit', ' fit', 'Size', 'Zips', 'zippers', 'Price', 'Cost', 'colour');
const claims = fc.array(
  fc.record({
    theme: name,
    sentiment: fc.constantFrom(...sentiments),
    statement: fc.constant('s'),
    rows: fc.uniqueArray(fc.nat(4), { minLength: 1 }),
  }),
  { maxLength: 5 },
);
const answer = fc.array(fc.record({ name, members: fc.array(fc.nat(6)) }), { maxLength: 3 });
/** Two groups of two folds of some batches each; the groups' roots on level 2, the run's on level 3. */
const tree = fc.record({
  batches: fc.array(claims, { minLength: 4, maxLength: 12 }),
  answers: fc.record({ level1: fc.tuple(answer, answer, answer, answer), level2: fc.tuple(answer, answer), level3: answer }),
  lost: fc.option(fc.integer({ min: 0, max: 3 }), { freq: 3, nil: null }),
});

test('property: counts are those of the pairs of row and theme, followed name by name up to the roots', async () => {
  await fc.assert(
    fc.asyncProperty(tree, async ({ batches, answers, lost }) => {
      const placed = batches.map((list, batchId) => ({
        groupKey: batchId % 4 < 2 ? '' : 'other',
        fold: batchId % 4,
        parent: { level: 1, batchId: batchId % 4 } as BatchName,
        claims: list.map(
          ({ rows, ...rest }): Claim => ({
            ...rest,
            evidence: rows.map((row) => ({ rowNumber: 10 * batchId + row, id: `${10 * batchId + row}`, quote: '' })),
          }),
        ),
      }));
      placed.sort((one, other) => one.fold - other.fold);
      const level1 = [0, 1, 2, 3].map((fold) =>
        foldThemes(
          mergeEqualNames(placed.filter((batch) => batch.fold === fold).flatMap((batch) => themesOfClaims(batch.claims))),
          answers.level1[fold]!,
        ),
      );
      const level2 = [0, 1].map((group) =>
        foldThemes(
          mergeEqualNames([2 * group, 2 * group + 1].flatMap((fold) => (fold === lost ? [] : level1[fold]!.themes))),
          answers.level2[group]!,
        ),
      );
      const level3 = foldThemes(mergeEqualNames(level2.flatMap(({ themes }) => themes)), answers.level3);

      const paths = new ThemePaths(async ({ level, batchId }) => {
        if (level === 1)
          return batchId === lost ? undefined : { ...level1[batchId]!, parent: { level: 2, batchId: Math.floor(batchId / 2) } };
        return level === 2 ? { ...level2[batchId]!, parent: { level: 3, batchId: 0 } } : { ...level3, parent: null };
      }, 2);
      const tallies = { '': new ThemeTally(), other: new ThemeTally(), run: new ThemeTally() };
      for (const batch of placed) {
        const roots = await paths.rootsOf(batch, batch.claims);
        tallies[batch.groupKey as '' | 'other'].add(batch.claims, 5, roots.group);
        tallies.run.add(batch.claims, 5, roots.run);
      }

      // The same by another way: one pair after the other.
      const follow = (theme: string, folds: FoldThemes[]) => {
        let key = themeKey(theme);
        for (const { renamed } of folds) key = themeKey(renamed.find(({ from }) => from === key)?.to ?? key);
        return folds.at(-1)!.themes.find((one) => themeKey(one.name) === key)?.name;
      };
      const pairs = placed
        .filter(({ fold }) => fold !== lost)
        .flatMap(({ groupKey, fold, claims: list }) =>
          list.flatMap(({ theme, sentiment, evidence }) =>
            evidence.map(({ rowNumber }) => {
              const way = [level1[fold]!, level2[Math.floor(fold / 2)]!];
              return { groupKey, sentiment, rowNumber, group: follow(theme, way), run: follow(theme, [...way, level3]) };
            }),
          ),
        );
      const expected = (root: 'group' | 'run', some: typeof pairs) =>
        [...new Set(some.map((pair) => pair[root]))].map((theme) => {
          const rowsOf = (list: typeof pairs) => new Set(list.filter((pair) => pair[root] === theme).map(({ rowNumber }) => rowNumber));
          return {
            theme,
            rows: rowsOf(some).size,
            positiveRows: rowsOf(some.filter(({ sentiment }) => sentiment === 'positive')).size,
            negativeRows: rowsOf(some.filter(({ sentiment }) => sentiment === 'negative')).size,
          };
        });
      const counted = (tally: ThemeTally) =>
        tally.themes().map(({ exampleIds, ...count }) => {
          expect(exampleIds).toHaveLength(Math.min(count.rows, MAX_EXAMPLE_IDS));
          return count;
        });
      const sorted = (counts: { theme: string | undefined }[]) =>
        counts.toSorted((one, other) => (String(one.theme) < String(other.theme) ? -1 : 1));
      expect(sorted(counted(tallies.run))).toEqual(sorted(expected('run', pairs)));
      for (const group of ['', 'other'] as const)
        expect(sorted(counted(tallies[group]))).toEqual(
          sorted(
            expected(
              'group',
              pairs.filter(({ groupKey }) => groupKey === group),
            ),
          ),
        );
    }),
  );
});

test('a batch that is its group alone is the root of its group, and one that is all there is the root of the run', async () => {
  const paths = new ThemePaths(
    async () => ({ themes: [{ name: 'All', statement: 's', mentions: 1 }], renamed: [{ from: 'fit', to: 'All' }], parent: null }),
    1,
  );
  const list = [claim('Fit', 'positive', [1])];
  const alone = await paths.rootsOf({ groupKey: 'g', parent: { level: 2, batchId: 0 } }, list);
  expect([alone.group?.nameOf('fit'), alone.run?.nameOf('fit')]).toEqual(['Fit', 'All']);
  const all = await paths.rootsOf({ groupKey: null, parent: null }, list);
  expect([all.group, all.run?.nameOf(' FIT'), all.run?.nameOf('Size')]).toEqual([null, 'Fit', null]);
});

test('each fold is read once', async () => {
  const read: string[] = [];
  const paths = new ThemePaths(async ({ level, batchId }) => {
    read.push(`${level}/${batchId}`);
    return { themes: [], renamed: [], parent: level === 1 ? { level: 2, batchId: 0 } : null };
  }, 2);
  for (const batchId of [0, 0, 0, 1, 1]) await paths.rootsOf({ groupKey: null, parent: { level: 1, batchId } }, []);
  expect(read).toEqual(['1/0', '2/0', '1/1']);
});
