import { expect, test } from '@jest/globals';
import { extractiveThemes, themeNames } from '../../../local/model-server/extractive-themes.ts';
import { feelingOf } from '../../../local/model-server/feelings.ts';

const rows = [
  'The zipper broke after a week.',
  'Lovely colour. The zippers are excellent!',
  'I am not happy with the zipper',
  'Colour faded.',
  'The zipper is on the left side.',
  'Nothing to add.',
];

test('words of several rows are themes, once for each feeling, with the rows that have them and true quotes', () => {
  expect(extractiveThemes(rows).map(({ theme, sentiment, evidence }) => [theme, sentiment, evidence.map(({ row }) => row)])).toEqual([
    ['zipper', 'positive', [2]],
    ['zipper', 'negative', [1, 3]],
    ['zipper', 'neutral', [5]],
    ['colour', 'positive', [2]],
    ['colour', 'negative', [4]],
  ]);
  for (const { evidence } of extractiveThemes(rows)) for (const { row, quote } of evidence) expect(rows[row - 1]).toContain(quote);
});

test('a long sentence is quoted around its theme; one whose spaces are uneven is not quoted', () => {
  const long = `${'We went here and there '.repeat(6)}until the zipper broke`;
  const themes = extractiveThemes([long, 'The  zipper broke.']);
  expect(themes.flatMap(({ evidence }) => evidence)).toEqual([
    { row: 1, quote: expect.stringMatching(/zipper/) },
    { row: 2, quote: '' },
  ]);
});

test('a negation turns a feeling round', () => {
  const feeling = (text: string) => feelingOf(text.split(' '));
  expect([
    feeling('i love it'),
    feeling("i don't love it"),
    feeling('not bad'),
    feeling('not that i know a good one'),
    feeling('a zip'),
  ]).toEqual([...['positive', 'negative', 'positive', 'positive', 'neutral']]);
});

test('themes that differ in their endings have one name; each has exactly one', () => {
  expect(themeNames(['Dress', 'fit', 'dresses', 'Fits'])).toEqual([
    { name: 'Dress', members: [1, 3] },
    { name: 'fit', members: [2, 4] },
  ]);
});
