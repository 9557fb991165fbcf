import { describe, expect, test } from '@jest/globals';
import { groupColumnsOf } from '../../../functions/plan-batches/group-columns.ts';
import { MAX_GROUP_KEY_CHARACTERS } from '../../../functions/shared/limits.ts';
import type { Settings } from '../../../functions/shared/settings.ts';
import { openBytes, rowsOf } from './upload-source.ts';

const columns = ['id', 'review', 'Class Name', 'country', 'a,b', 'a', 'b'];
const chosen = (wanted: string | null) => groupColumnsOf(wanted, columns, 'review');

describe('the columns', () => {
  test.each([
    [null, null],
    ['country', ['country']],
    ['class_name', ['Class Name']],
    ['country,Class Name', ['country', 'Class Name']],
    [' country , class name', ['country', 'Class Name']],
    // The very name comes first, commas and all.
    ['a,b', ['a,b']],
    ['b,a', ['b', 'a']],
    ['country,country', ['country']],
    ['id', ['id']],
  ])('that %j names are %j', (wanted, expected) => {
    expect(chosen(wanted)).toEqual(expected);
  });

  test.each([
    ['product', 'There is no column "product"'],
    ['country,product', 'There is no column "product"'],
    ['country,', 'There is no column ""'],
    ['Review', 'Column "review" is the text that is summarized'],
  ])('%j are refused: the others are named, and the text is not among them', (wanted, words) => {
    const refusal = { name: 'InvalidUploadError', code: 'unknown_column', message: expect.stringContaining(words) };
    expect(() => chosen(wanted)).toThrow(expect.objectContaining(refusal));
    expect(() => chosen(wanted)).toThrow('(--group-column) to one of the columns, or to several separated by commas: "id", "Class Name"');
    expect(() => chosen(wanted)).not.toThrow(/: .*"review", /);
  });
});

async function keysOf(name: string, text: string, groupColumn: string, settings: Partial<Settings> = {}) {
  const upload = await openBytes(name, Buffer.from(text), { groupColumn, ...settings });
  return (await rowsOf(upload)).map((row) => (row.reason === null ? row.groupKey : row.reason));
}

describe('a row’s group', () => {
  test('is its value as written; blank ones are the empty group', async () => {
    const values = ['x', ' x', '"a ""b"" c"', '"line\nbreak"', '🦊', '', '   ', '\u200b', '{}'];
    const csv = `review,p\n${values.map((value) => `Good kettle.,${value}\n`).join('')}`;
    expect(await keysOf('a.csv', csv, 'p')).toEqual(['x', ' x', 'a "b" c', 'line\nbreak', '🦊', '', '', '', '{}']);
  });

  test('of several columns is a JSON array, so that no two combinations look the same', async () => {
    const csv = 'review,p,q\nGood.,"a"",""b",c\nGood.,a,"b"",""c"\nGood.,,c\nGood., ,\n';
    const keys = await keysOf('a.csv', csv, 'p,q');
    expect(keys).toEqual(['["a\\",\\"b","c"]', '["a","b\\",\\"c"]', '["","c"]', '']);
    expect(new Set(keys).size).toBe(4);
  });

  test('in JSON is the value’s text, numbers as they were written', async () => {
    const lines = ['1.10', '1.1', '12345678901234567890', 'true', 'null', '"1.1"', '[1]'].map((value) => `{"text":"Good.","p":${value}}\n`);
    expect(await keysOf('a.jsonl', `${lines.join('')}{"text":"Good."}\n`, 'p')).toEqual([
      ...['1.10', '1.1', '12345678901234567890', 'true', '', '1.1', '[1]', ''],
    ]);
  });

  test('that is too long rejects the row, characters counted and not bytes', async () => {
    const fits = '🦊'.repeat(MAX_GROUP_KEY_CHARACTERS);
    expect(await keysOf('a.csv', `review,p\nGood.,${fits}\nGood.,${fits}x\n`, 'p')).toEqual([fits, 'group_key_too_long']);
  });

  test('with half a character rejects the row', async () => {
    expect(await keysOf('a.jsonl', '{"text":"Good.","p":"\\ud83e"}\n{"text":"Good.","p":"x"}\n', 'p')).toEqual(['undecodable_bytes', 'x']);
  });

  test('stays among the attributes', async () => {
    const upload = await openBytes('a.csv', Buffer.from('review,p\nGood.,x\n'), { groupColumn: 'p' });
    expect(await rowsOf(upload)).toMatchObject([{ groupKey: 'x', attributes: '{"p":"x"}' }]);
  });
});
