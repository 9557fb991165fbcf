import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Claim } from '../../../functions/shared/claim.ts';
import { MAX_THEMES } from '../../../functions/shared/limits.ts';
import { foldThemes, foldThemesSchema, mergeEqualNames, type Theme, themeKey, themesOfClaims } from '../../../functions/shared/theme.ts';

const theme = (name: string, mentions: number, statement = `${name}: ${mentions}`): Theme => ({ name, statement, mentions });
const claim = (name: string, rows: number[], statement = name): Claim => ({
  ...{ theme: name, sentiment: 'positive', statement },
  evidence: rows.map((rowNumber) => ({ rowNumber, id: `${rowNumber}`, quote: '' })),
});

test('names are compared apart from case, width and spaces', () => {
  expect(new Set(['Zip  quality', ' zip quality', 'ZIP\nQuality', 'Ｚip quality'].map(themeKey))).toEqual(new Set(['zip quality']));
});

test('a row counts once for a theme, however many claims of it cite the row', () => {
  expect(themesOfClaims([claim('Fit', [1, 2]), claim('colour', [9]), claim('fit ', [2, 3, 4], 'Runs small.')])).toEqual([
    { name: 'fit ', statement: 'Runs small.', mentions: 4 },
    { name: 'colour', statement: 'colour', mentions: 1 },
  ]);
});

test('equal names are one theme, in the words of the most mentioned', () => {
  expect(mergeEqualNames([theme('fit', 3), theme('Price', 4), theme('Fit', 5)])).toEqual([theme('Fit', 8, 'Fit: 5'), theme('Price', 4)]);
});

test('themes are grouped under the names given; what is in no group keeps its name', () => {
  const beneath = [theme('Zips', 5), theme('Runs small', 4), theme('Zippers', 3), theme('Price', 2)];
  expect(
    foldThemes(beneath, [
      { name: 'Zip quality', members: [2, 0] },
      { name: 'Fit', members: [1] },
    ]),
  ).toEqual({
    themes: [theme('Zip quality', 8, 'Zips: 5'), theme('Fit', 4, 'Runs small: 4'), theme('Price', 2)],
    renamed: [
      { from: 'zips', to: 'Zip quality' },
      { from: 'runs small', to: 'Fit' },
      { from: 'zippers', to: 'Zip quality' },
    ],
  });
});

test('doubled and foreign members do not double or lose a theme', () => {
  const beneath = [theme('Zips', 5), theme('Price', 2)];
  const groups = [
    { name: 'One', members: [0, 0, 7, -1, 0.5] },
    { name: 'Other', members: [0, 1] },
  ];
  expect(foldThemes(beneath, groups).themes).toEqual([theme('One', 5, 'Zips: 5'), theme('Other', 2, 'Price: 2')]);
});

test('a theme that keeps its name joins a group of that name', () => {
  expect(foldThemes([theme('Zips', 5), theme('Zip quality', 2)], [{ name: 'zip quality', members: [0] }]).themes).toEqual([
    theme('zip quality', 7, 'Zips: 5'),
  ]);
});

test('of more than twenty themes the most mentioned go up; the others keep their names', () => {
  const beneath = Array.from({ length: MAX_THEMES + 5 }, (_, index) => theme(`t${index}`, 100 - index));
  expect(foldThemes(beneath, []).themes.map(({ name }) => name)).toEqual(beneath.slice(0, MAX_THEMES).map(({ name }) => name));
});

test('property: whatever is answered, every theme beneath has exactly one name, and no mention is lost or doubled', () => {
  const names = fc.constantFrom('a', 'A', ' a ', 'b', 'c c', 'C  c', '__proto__', 'constructor', 'd');
  const themes = fc.array(fc.record({ name: names, statement: fc.constant('s'), mentions: fc.integer({ min: 1, max: 9 }) }));
  const groups = fc.array(fc.record({ name: names, members: fc.array(fc.integer({ min: -1, max: 8 })) }));
  fc.assert(
    fc.property(themes, groups, (all, answer) => {
      const beneath = mergeEqualNames(all);
      expect(new Set(beneath.map(({ name }) => themeKey(name))).size).toBe(beneath.length);
      const folded = foldThemesSchema.parse(foldThemes(beneath, answer));
      const sum = (list: readonly Theme[]) => list.reduce((mentions, one) => mentions + one.mentions, 0);
      expect(sum(folded.themes)).toBe(sum(all));
      expect(new Set(folded.renamed.map(({ from }) => from)).size).toBe(folded.renamed.length);
      const renamed = new Map(folded.renamed.map(({ from, to }) => [from, to]));
      for (const [index, one] of beneath.entries()) {
        const group = answer.find(({ members }) => members.includes(index));
        const name = renamed.get(themeKey(one.name)) ?? one.name;
        expect(themeKey(name)).toBe(themeKey(group?.name ?? one.name));
        expect(folded.themes.filter((upper) => themeKey(upper.name) === themeKey(name))).toHaveLength(1);
      }
    }),
  );
});
