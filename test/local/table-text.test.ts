import { expect, test } from '@jest/globals';
import { valuesText } from '../../local/table-text.ts';
import { widthOf } from '../../local/terminal-text.ts';

const columns = [{ name: 'n', isNumber: true }, { name: 'text' }];

test('numbers stand at the right; nothing and an empty text differ', () => {
  const text = valuesText(
    columns,
    [
      [5, 'five'],
      [1000, ''],
      [null, null],
    ],
    80,
    { nullText: 'NULL' },
  );
  expect(text.split('\n').filter((line) => line.startsWith('│'))).toEqual([
    '│    n │ text │',
    '│    5 │ five │',
    '│ 1000 │      │',
    '│ NULL │ NULL │',
  ]);
});

test('a text of very many lines is a table, too', () => {
  expect(valuesText([{ name: 'text' }], [['a\n'.repeat(200_000)]], 80).match(/│ a +│/g)).toHaveLength(200_000);
});

test('every line of a table is as wide as the others, in any script', () => {
  const rows = ['東京の夏', '👩‍👩‍👧 family', 'cafe\u0301', '한국어 텍스트', 'Größe', '🇩🇪 flag'].map((text, index) => [index, text]);
  for (const width of [24, 80]) {
    const widths = valuesText(columns, rows, width).split('\n').map(widthOf);
    expect(new Set(widths).size).toBe(1);
    expect(widths[0]).toBeLessThanOrEqual(width);
  }
});

test('a word longer than its column is broken, not cut; line breaks stay', () => {
  const long = 'x'.repeat(150);
  const text = valuesText([{ name: 'word' }], [[long], ['a\nb']], 80);
  expect(text.match(/x/g)).toHaveLength(150);
  expect(text).not.toContain('…');
  expect(text).toMatch(/│ a +│\n│ b +│/);
});

test('twenty columns of a terminal: one value below the other, all of it, no line too long', () => {
  const words = 'the leaves come out bone dry and the dressing goes twice as far';
  const text = valuesText([...columns, { name: 'a_name_that_is_longer_than_that' }], [[1, words, 'z'.repeat(40)]], 20);
  const lines = text.split('\n').filter((line) => !line.includes('a_name'));
  expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(20);
  expect(text.replace(/\s+/g, ' ')).toContain(words);
  expect(text.match(/z/g)).toHaveLength(40);
});

test('no name or value can steer the terminal', () => {
  for (const width of [20, 80]) {
    const text = valuesText([{ name: 'a\u001b[2J\n' }, { name: 'b' }, { name: 'c' }], [['\u001b]0;owned\u0007', '\r', '\t']], width);
    expect(text).not.toMatch(/[^\P{Cc}\n]/u);
  }
});
