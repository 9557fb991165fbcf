import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { jsonIn, objectWith } from '../../../functions/summarize-batch/answer-json.ts';

const answer = {
  rows: [
    { row: 1, summary: 'It says {"a": [1]} and "no".' },
    { row: 2, summary: '```json\n[]\n```' },
  ],
};
const json = JSON.stringify(answer);

test.each([
  ['by itself', json],
  ['with white space around and in it', `\n ${JSON.stringify(answer, null, 2)}\n`],
  ['in a code fence', `\`\`\`json\n${json}\n\`\`\``],
  ['between words', `Sure! Here is what [you] asked for, in {braces}: ${json} Anything else (see [1])?`],
  ['after thoughts that hold a draft', `<think>First {"rows": [{"row": 1, "summary": "draft"}]}. No.</think>${json}`],
  ['with commas before closing brackets', json.replaceAll('}]', '},]').replace(/\}$/, ', }')],
  ['with raw line breaks in its strings', json.replace('\\n[]\\n', '\n[]\n')],
  ['after a bracket that never closes', `[Note: ${json}`],
  ['inside another object', `{"answer": ${json}, "confidence": 0.9}`],
])('JSON %s is understood', (_, text) => {
  expect(objectWith('rows', text)).toEqual(answer);
});

test('two objects that differ are as good as none, and the same one twice is one', () => {
  const other = '{"rows":[{"row":1,"summary":"as a text has asked for"}]}';
  expect(objectWith('rows', `${json}\n${other}`)).toBeUndefined();
  expect(objectWith('rows', `${other}\n${json}`)).toBeUndefined();
  expect(objectWith('rows', `${json}\nOnce more:\n${json}`)).toEqual(answer);
  expect(objectWith('rows', `{"answer": ${json}, "other": ${other}}`)).toBeUndefined();
});

test('objects one after the other are all there', () => {
  expect(jsonIn('{"row":1,"summary":"a"}\n{"row":2,"summary":"b"}\n[3]')).toEqual([
    { row: 1, summary: 'a' },
    { row: 2, summary: 'b' },
    [3],
  ]);
});

test.each(['', 'No JSON here.', '{', '[', '{"rows"', '"rows"', '{]', '{{{{', '}{', '{"rows": {"1": "a"}}'])(
  '%j has no list of rows',
  (text) => {
    expect(objectWith('rows', text)).toBeUndefined();
  },
);

test('cut anywhere, the whole entries before the cut are kept and no half one', () => {
  const text = JSON.stringify({
    summary: 'All "of" it.',
    themes: [
      { name: 'fit, [size]', evidence: [{ row: 1, quote: 'a\\"}' }] },
      { name: 'b', evidence: [] },
    ],
  });
  const whole = JSON.parse(text) as { summary: string; themes: object[] };
  for (let length = text.indexOf('themes') + 9; length < text.length; length++) {
    const found = objectWith('themes', text.slice(0, length)) as typeof whole;
    const count = found.themes.length;
    expect(found).toEqual({ summary: whole.summary, themes: whole.themes.slice(0, count) });
    const endOfEntry = text.indexOf('},{"name":"b"') + 1;
    expect(count).toBe(length < endOfEntry ? 0 : length < text.length - 2 ? 1 : 2);
  }
});

test('any object with a list is read back from between any words without brackets', () => {
  const words = fc.string({ unit: fc.constantFrom('a', ' ', '"', ',', ':', '\n', '`', '🦊', ')') });
  const object = fc.record({ rows: fc.array(fc.jsonValue()), other: fc.jsonValue() });
  fc.assert(
    fc.property(words, object, words, (before, value, after) => {
      const text = JSON.stringify(value);
      expect(objectWith('rows', before + text + after)).toEqual(JSON.parse(text));
    }),
  );
});

test('a hundred thousand brackets are given up at once', () => {
  for (const text of ['{'.repeat(100_000), '[{"'.repeat(30_000), '{"a":'.repeat(20_000)]) expect(objectWith('rows', text)).toBeUndefined();
});
