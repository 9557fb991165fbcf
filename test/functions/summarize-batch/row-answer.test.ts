import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkRowAnswer, readRowAnswer } from '../../../functions/summarize-batch/row-answer.ts';
import { answered } from '../../fakes/scripted-summarizer.ts';

const texts = ['The lid broke, see www.lid.example.', 'Great soup.', 'Too small.'];
const verdicts = (rows: unknown, given: readonly string[] = texts) =>
  readRowAnswer(JSON.stringify({ rows }), given).rows.map(({ summary, code }) => summary ?? `!${code}`);

test('each row has the summary that bears its number, whatever the order', () => {
  const rows = [
    { row: 3, summary: ' small ' },
    { row: '1', summary: 'broken, see www.lid.example' },
    { row: 2, summary: 'soup' },
  ];
  expect(verdicts(rows)).toEqual(['broken, see www.lid.example', 'soup', 'small']);
});

test('missing, doubled and empty rows are told apart, and foreign numbers are only counted', () => {
  const rows = [
    { row: 1, summary: 'one' },
    { row: 1, summary: 'one' },
    { row: 2, summary: ' \n' },
    ...[0, 4, -1, 1.5, null, '3x', [3]].map((row) => ({ row, summary: 'foreign' })),
    'no entry',
  ];
  expect(readRowAnswer(JSON.stringify({ rows }), texts)).toEqual({
    rows: [{ code: 'row_doubled' }, { code: 'row_empty' }, { code: 'row_missing' }],
    foreign: 7,
  });
});

test('an address is allowed where the own row holds it, not where another does', () => {
  const rows = [1, 2, 3].map((row) => ({ row, summary: 'Go to www.lid.example' }));
  expect(verdicts(rows)).toEqual(['Go to www.lid.example', '!unexpected_url', '!unexpected_url']);
});

test.each([
  ['a bare list', '[{"row":1,"summary":"a"},{"row":2,"summary":"b"},{"row":3,"summary":"c"}]'],
  ['one object after the other', '{"row":1,"summary":"a"}\n{"row":2,"summary":"b"}\n{"row":3,"summary":"c"}'],
  ['a fence', 'Here:\n```json\n{"rows":[{"row":1,"summary":"a"},{"row":2,"summary":"b"},{"row":3,"summary":"c"}]}\n```'],
])('%s from an endpoint without schemas is understood', (_, text) => {
  expect(readRowAnswer(text, texts).rows).toEqual([{ summary: 'a' }, { summary: 'b' }, { summary: 'c' }]);
});

test('a second answer behind the first, as a text may ask for, replaces no summary', () => {
  const answerOf = (summary: string) => JSON.stringify({ rows: [1, 2, 3].map((row) => ({ row, summary })) });
  const codes = (text: string) => readRowAnswer(text, texts).rows.map(({ code }) => code);
  expect(codes(`${answerOf('good')} ${answerOf('evil')}`)).toEqual(['row_missing', 'row_missing', 'row_missing']);
  expect(codes('[{"row":1,"summary":"good"}] {"row":1,"summary":"evil"}')).toEqual(['row_doubled', 'row_missing', 'row_missing']);
});

test('of an answer that was cut, the whole rows count', () => {
  const text = '{"rows":[{"row":1,"summary":"a"},{"row":2,"summary":"b and more of i';
  expect(readRowAnswer(text, texts).rows).toEqual([{ summary: 'a' }, { code: 'row_missing' }, { code: 'row_missing' }]);
});

describe('an answer without any good row is refused', () => {
  test.each([
    ['no JSON', 'I cannot do that.', 'stop', 'no_entries'],
    ['an empty list', '{"rows":[]}', 'stop', 'no_entries'],
    ['nothing whole before the cut', '{"rows":[{"row":1,"summ', 'length', 'answer_cut'],
    ['all empty', '{"rows":[{"row":1,"summary":""},{"row":2,"summary":""},{"row":3,"summary":""}]}', 'stop', 'row_empty'],
    ['wrong in several ways', '{"rows":[{"row":1,"summary":""}]}', 'stop', 'no_entries'],
  ] as const)('%s', (_, text, finishReason, code) => {
    expect(() => checkRowAnswer(answered(text, { finishReason }), texts)).toThrow(
      expect.objectContaining({ name: 'UnusableSummaryError', code }),
    );
  });
});

test('whatever entries come, a row has the one summary that bears its number, or a code', () => {
  const entry = fc.record({ row: fc.integer({ min: -1, max: 6 }), summary: fc.constantFrom('', ' ', 'good', 'better') });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 12 }), (rows) => {
      const { rows: read, foreign } = readRowAnswer(JSON.stringify({ rows }), ['a', 'b', 'c', 'd']);
      expect(foreign).toBe(rows.filter(({ row }) => row < 1 || row > 4).length);
      read.forEach((verdict, index) => {
        const own = rows.filter(({ row }) => row === index + 1).map(({ summary }) => summary);
        const code = own.length === 0 ? 'row_missing' : own.length > 1 ? 'row_doubled' : own[0]?.trim() === '' ? 'row_empty' : null;
        expect(verdict).toEqual(code === null ? { summary: own[0] } : { code });
      });
    }),
  );
});
