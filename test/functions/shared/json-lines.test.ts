import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { jsonLines, lines, parseJson } from '../../../functions/shared/json-lines.ts';

async function* chunksOf(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length] as number;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test('values are the same however the bytes are cut, also within a character and between lines', async () => {
  const value = fc.record({ text: fc.string({ unit: 'binary' }), row: fc.nat() });
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(fc.array(value), sizes, fc.boolean(), async (values, cuts, hasLastBreak) => {
      const text = values.map((one) => JSON.stringify(one)).join('\n') + (hasLastBreak ? '\n' : '');
      expect(await collect(jsonLines(chunksOf(Buffer.from(text), cuts)))).toEqual(values);
    }),
  );
});

test.each([
  ['', []],
  ['\n\n\n', []],
  ['a', ['a']],
  ['a\n', ['a']],
  ['\na\n\n\nb', ['a', 'b']],
  ['ä\u2028ö\rü\nb', ['ä\u2028ö\rü', 'b']],
])('the lines of %j', async (text, expected) => {
  for (const size of [1, 2, 3, 100]) expect((await collect(lines(chunksOf(Buffer.from(text), [size])))).flat()).toEqual(expected);
});

test('a value is parsed from the bytes of a view, not of what lies around it', () => {
  expect(parseJson(new Uint8Array(Buffer.from('xx{"a":"ä"}yy')).subarray(2, -2))).toEqual({ a: 'ä' });
});
