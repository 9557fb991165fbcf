import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { clipped, folded, widthOf } from '../../local/terminal-text.ts';

const family = '👩‍👩‍👧';
const accented = 'e\u0301';

test('places: East Asian characters and emoji take two, joined ones together, accents and joiners none', () => {
  const cases: [text: string, width: number][] = [
    ['abc', 3],
    ['Größe', 5],
    [accented, 1],
    ['\u0301', 0],
    ['東京', 4],
    ['한국', 4],
    ['𠀋', 2],
    ['ｱ', 1],
    ['👍🏽', 2],
    [family, 2],
    ['🇩🇪', 2],
    ['☎\ufe0f', 2],
    ['a\u200bb', 2],
    ['', 0],
  ];
  for (const [text, width] of cases) expect([text, widthOf(text)]).toEqual([text, width]);
});

test('what is clipped keeps characters whole', () => {
  expect(clipped(`${family}${family}${family}`, 5)).toBe(`${family}${family}…`);
  expect(clipped(`${accented}${accented}${accented}`, 2)).toBe(`${accented}…`);
});

test('folded: breaks at spaces, keeps line breaks and words that fit, breaks longer words anywhere', () => {
  expect(folded('the lid holds on', 8)).toEqual(['the lid', 'holds on']);
  expect(folded('a\n\nb', 8)).toEqual(['a', '', 'b']);
  expect(folded('see https://example.org/a', 10)).toEqual(['see', 'https://ex', 'ample.org/', 'a']);
  expect(folded('東京都', 5)).toEqual(['東京', '都']);
});

test('folded: whatever the text, no line is wider than the limit and nothing but white space is lost', () => {
  const character = fc.constantFrom('a', 'b', ' ', ' ', '\n', '東', family, accented, '👍🏽', 'ß');
  fc.assert(
    fc.property(fc.string({ unit: character, maxLength: 60 }), fc.integer({ min: 2, max: 20 }), (text, limit) => {
      const lines = folded(text, limit);
      for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(limit);
      expect(lines.join('').replace(/\s/g, '')).toBe(text.replace(/\s/g, ''));
    }),
  );
});

test('what steers a terminal, or turns the text behind it around, is shown as what it is not', () => {
  expect(clipped('a\u001b[31mb \u202egnp.exe\u2066x', 80)).toBe('a\ufffd[31mb \ufffdgnp.exe\ufffdx');
  // Marks that only say which way a letter goes belong to Arabic and Hebrew.
  expect(clipped('\u05e9\u05dc\u05d5\u05dd\u200f!', 80)).toBe('\u05e9\u05dc\u05d5\u05dd\u200f!');
});
