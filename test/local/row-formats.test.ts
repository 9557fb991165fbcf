import type { Json } from '@duckdb/node-api';
import { expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { csvText, jsonText } from '../../local/row-formats.ts';

async function* batchesOf(rows: Json[][], size: number) {
  for (let start = 0; start < rows.length; start += size) yield rows.slice(start, start + size);
}
const answer = (names: string[], rows: Json[][], size = 2) => ({
  columns: names.map((name) => ({ name, isNumber: false })),
  batches: batchesOf(rows, size),
});
async function whole(pieces: AsyncIterable<string>) {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}

test('csv: null is empty, an empty text is quoted; lists are JSON; lines end as RFC 4180 says', async () => {
  const text = await whole(
    csvText(
      answer(
        ['a', 'b,"c"'],
        [
          [null, ''],
          [[1, 'x'], 'two\nlines'],
          [-0.5, '=1+1'],
        ],
      ),
    ),
  );
  expect(text).toBe('a,"b,""c"""\r\n,""\r\n"[1,""x""]","two\nlines"\r\n-0.5,=1+1\r\n');
});

test('csv: whatever the texts, a reader gets them back, and tells null from empty', async () => {
  const value = fc.oneof(
    fc.constant(null),
    fc.string({ unit: fc.constantFrom('a', '"', ',', '\r', '\n', ' ', ';', '東', '\t'), maxLength: 8 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(value, value), { maxLength: 7 }), async (rows) => {
      const text = await whole(csvText(answer(['a', 'b'], rows)));
      const cast = (field: string, { quoting }: { quoting: boolean }) => (field === '' && !quoting ? null : field);
      expect(parse(text, { cast, record_delimiter: '\r\n' })).toEqual([['a', 'b'], ...rows]);
    }),
  );
});

test('json: one array, whatever the batches, whatever the names; no rows are an empty one', async () => {
  const names = ['2', '1', '__proto__', 'a"b'];
  const rows = Array.from({ length: 5 }, (_, row): Json[] => [row, `${row}`, null, [row]]);
  for (const size of [1, 2, 5]) {
    const text = await whole(jsonText(answer(names, rows, size)));
    expect(text.startsWith('[{"2":0,"1":"0","__proto__":null,"a\\"b":[0]},')).toBe(true);
    expect(JSON.parse(text).map((row: object) => Object.entries(row).length)).toEqual([4, 4, 4, 4, 4]);
  }
  expect(await whole(jsonText(answer(names, [])))).toBe('[]\n');
});
