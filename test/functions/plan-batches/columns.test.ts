import { describe, expect, test } from '@jest/globals';
import { chooseColumns } from '../../../functions/plan-batches/columns.ts';

type Sample = Record<string, string[]>;
const choose = (sample: Sample, settings: Partial<{ textColumn: string; idColumn: string }> = {}) =>
  chooseColumns(Object.keys(sample), (column) => sample[column] ?? [], { textColumn: null, idColumn: null, ...settings });
const unique = ['1', '2', '3'];
const prose = ['The colour is nice to see', 'It is far too small for me', 'Warm in winter and well made'];

describe('the text column', () => {
  test.each([
    [['Text', 'Review'], 'Review'],
    [['body', 'Review-Text'], 'Review-Text'],
    [['BODY', 'comments'], 'BODY'],
    [['verbatim', 'answer'], 'answer'],
    [['text', 'TEXT'], 'text'],
    [['review_text', 'review'], 'review'],
  ])('of %j is %s', (columns, textColumn) => {
    expect(choose(Object.fromEntries(columns.map((column) => [column, ['a', 'b']]))).textColumn).toBe(textColumn);
  });

  test('is the only one that reads like prose, and a note says so', () => {
    expect(choose({ said: prose, sku: unique, shop: ['Berlin', 'Berlin', 'Paris'] })).toEqual({
      textColumn: 'said',
      idColumn: null,
      notes: ['No column has the name of a text column; "said" is taken, the only one that reads like prose.'],
    });
  });

  test('is no list of objects where another column may be the text', () => {
    const lists = ['[{"body":"a"}]', '[]', ''];
    expect(choose({ comments: lists, description: ['a', 'b', 'c'] }).textColumn).toBe('description');
    expect(choose({ comments: lists, said: prose }).textColumn).toBe('comments');
  });

  test('is found by name rather than by prose', () => {
    expect(choose({ said: prose, comment: ['a', 'b', 'c'] })).toMatchObject({ textColumn: 'comment', notes: [] });
  });

  test.each([
    ['short values', ['nice', 'small', 'warm']],
    ['long values of few words', unique.map((digit) => `https://example.com/a/long/address/${digit}`)],
    ['many words of few characters', ['a b c d', 'a b c e', 'a b c f']],
    ['the same value again and again', Array.from({ length: 3 }, () => 'We will answer you very soon')],
    ['mostly short values', [...prose.slice(0, 1), 'nice', 'small']],
    ['nothing at all', ['', ' ', '']],
    ['times', unique.map((digit) => `2026/01/0${digit} 10:00:00 AM GMT+1`)],
    ['times in words', unique.map((digit) => `Mon Jan 05 2026 10:00:0${digit} GMT+0100 (Central European Standard Time)`)],
  ])('is not found in %s', (_what, values) => {
    expect(() => choose({ x: values, sku: unique })).toThrow('set textColumn (--text-column) to one of the columns: "x", "sku".');
  });

  test('may be of a script that sets no words apart', () => {
    expect(
      choose({
        x: [
          '这件衣服的质量非常好,穿起来很舒服,值得推荐',
          '太小了,我穿不下,只好退货,希望下次会更好一些',
          '和描述的一样,到货很快,包装也很好,谢谢',
        ],
        sku: unique,
      }).textColumn,
    ).toBe('x');
  });

  test('may have empty values when the others are prose', () => {
    expect(choose({ said: ['', '', '', '', ...prose] }).textColumn).toBe('said');
  });

  test('is not guessed between two', () => {
    expect(() => choose({ liked: prose, disliked: prose })).toThrow('More than one column');
  });

  test('is not the column that the settings take as id', () => {
    expect(choose({ said: prose, also: prose.toReversed() }, { idColumn: 'also' })).toMatchObject({ textColumn: 'said', idColumn: 'also' });
  });
});

describe('the id column', () => {
  test.each([
    [['review id', 'id'], 'id'],
    [['order_key', 'Review-ID'], 'Review-ID'],
    [['order key', 'customerId'], 'order key'],
    [['clothing ID', 'key'], 'clothing ID'],
    [['row_uuid'], 'row_uuid'],
    [['paid', 'monkey', 'idea', 'id number'], null],
  ])('of %j is %s', (columns, idColumn) => {
    const sample = Object.fromEntries(columns.map((column) => [column, unique]));
    expect(choose({ text: ['a', 'b', 'c'], ...sample }).idColumn).toBe(idColumn);
  });

  test('has neither empty nor equal values', () => {
    const sample = { text: ['a', 'b', 'c'], id: ['1', '', '3'], review_id: ['1', '1', '2'], other_id: unique };
    expect(choose(sample).idColumn).toBe('other_id');
  });

  test('may have equal values when a setting names it', () => {
    expect(choose({ text: ['a', 'b'], shop: ['1', '1'], id: ['1', '2'] }, { idColumn: 'shop' }).idColumn).toBe('shop');
  });
});

describe('a column that a setting names', () => {
  const sample = { 'Free Text': ['a'], free_text: ['b'], text: ['c'] };
  test('is matched exactly first', () => expect(choose(sample, { textColumn: 'free_text' }).textColumn).toBe('free_text'));
  test('then without case, spaces, _ and -', () => expect(choose(sample, { textColumn: 'FREE-text' }).textColumn).toBe('Free Text'));
  test.each(['textColumn', 'idColumn'] as const)('must be there: %s', (setting) => {
    expect(() => choose(sample, { [setting]: 'gone' })).toThrow('There is no column "gone"');
  });
});

test('a message lists no more than 50 columns', () => {
  const many = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`c${index}`, ['1']]));
  expect(() => choose(many)).toThrow(/"c49" and 10 more\.$/);
});
