import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { UploadRow } from '../../../functions/plan-batches/upload.ts';
import { isBlank } from '../../../functions/plan-batches/upload-text.ts';
import { openBytes, rowsOf } from './upload-source.ts';

/** Characters that mean something to some reader, and ones of every length in UTF-8. */
const character = fc.oneof(
  fc.constantFrom('"', ',', ';', '\n', '\r', '\t', '|', "'", '\\', ' ', '\u00a0', '\ufffd'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
);
const value = fc.array(character, { maxLength: 12 }).map((characters) => characters.join(''));
const table = fc.array(fc.record({ key: value, text: value, note: value }), { minLength: 1, maxLength: 20 });
type Table = { key: string; text: string; note: string }[];

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
/** Quoted wherever that is needed, and where it is not as `always` says. */
const csvField = (text: string, always: boolean) => (always || /[",;|\t\r\n]/.test(text) ? quoted(text) : text);
const csvText = (rows: Table, lineEnd: string, always: boolean) =>
  [['key', 'text', 'note'], ...rows.map(({ key, text, note }) => [key, text, note])]
    .map((fields) => fields.map((field) => csvField(field, always)).join(',') + lineEnd)
    .join('');
const jsonlText = (rows: Table, lineEnd: string) => rows.map((row) => JSON.stringify(row) + lineEnd).join('');

const columns = { textColumn: 'text', idColumn: 'key' };

/** What the rows of a table must come out as, positions left aside. */
const rowsOfTable = (rows: Table) =>
  rows.map(({ key, text, note }, rowNumber) =>
    isBlank(text)
      ? { rowNumber, reason: 'empty_text' }
      : { rowNumber, reason: null, id: isBlank(key) ? String(rowNumber + 1) : key, text, truncated: false, attributes: { note } },
  );
const withoutPlace = (rows: readonly UploadRow[]) =>
  rows.map((row) => {
    const { next: _next, line: _line, ...rest } = row;
    if (rest.reason === null) return rest;
    const { raw: _raw, ...rejected } = rest;
    return rejected;
  });

const binary = (text: string) => Buffer.from(text).toString('latin1');
const fragments = ['"', '""', '"""', ',', ';', '\n', '\r\n', '\r', 'a', 'é', ' ', '\t', '1,x\n', '2,"y"\n', '3,"z\nz"\n'];
const formats = [
  {
    name: 'table.csv',
    settings: { textColumn: 'text' },
    // Good rows first, so many that broken ones behind them do not have the file refused.
    start: `id,text\n${'0,good\n'.repeat(22)}`,
    /** Anything near CSV, bytes that are not UTF-8 too: one character a byte. */
    rest: fc.array(fc.constantFrom(...fragments.map(binary), '\xe9'), { maxLength: 20 }).map((parts) => parts.join('')),
  },
  { name: 'table.jsonl', settings: columns, start: '', rest: table.map((rows) => binary(jsonlText(rows, '\n'))) },
];
const lineEnd = fc.constantFrom('\n', '\r\n', '\r');
/** Carriage returns end the lines only where the file has no line feed at all. */
const bytesOf = (start: string, rest: string, end: string) =>
  Buffer.from(start.replaceAll('\n', end) + (end === '\r' ? rest.replaceAll('\n', end) : rest), 'latin1');

describe('any table comes back equal', () => {
  test('written as CSV', async () => {
    await fc.assert(
      fc.asyncProperty(table, fc.constantFrom('\n', '\r\n'), fc.boolean(), async (rows, lineEnd, always) => {
        const upload = await openBytes('table.csv', csvText(rows, lineEnd, always), columns);
        expect(withoutPlace(await rowsOf(upload))).toStrictEqual(rowsOfTable(rows));
      }),
      { numRuns: 500 },
    );
  });

  test('written as JSONL', async () => {
    await fc.assert(
      fc.asyncProperty(table, fc.constantFrom('\n', '\r\n'), async (rows, lineEnd) => {
        const upload = await openBytes('table.jsonl', jsonlText(rows, lineEnd), columns);
        expect(withoutPlace(await rowsOf(upload))).toStrictEqual(rowsOfTable(rows));
      }),
      { numRuns: 300 },
    );
  });
});

describe('how the stream is cut changes nothing', () => {
  test.each(formats)('$name', async ({ name, settings, start, rest }) => {
    await fc.assert(
      fc.asyncProperty(rest, lineEnd, fc.integer({ min: 1, max: 7 }), async (ending, end, chunkBytes) => {
        const content = bytesOf(start, ending, end);
        const whole = await rowsOf(await openBytes(name, content, settings));
        expect(await rowsOf(await openBytes(name, content, settings, chunkBytes))).toStrictEqual(whole);
      }),
      { numRuns: 100 },
    );
  });
});

describe('reading from any next gives the rows that are left, and positions are exact', () => {
  test.each(formats)('$name', async ({ name, settings, start, rest }) => {
    await fc.assert(
      fc.asyncProperty(rest, lineEnd, async (ending, end) => {
        const content = bytesOf(start, ending, end);
        const rows = await rowsOf(await openBytes(name, content, settings));
        const again = await openBytes(name, content, settings);
        const lineBreak = content.includes(10) ? 10 : 13;
        for (const [index, { rowNumber, next }] of rows.entries()) {
          expect([rowNumber, next.rowNumber]).toEqual([index, index + 1]);
          if (next.byte < content.length) {
            expect(content[next.byte - 1]).toBe(lineBreak);
            expect(next.line).toBe(1 + content.subarray(0, next.byte).filter((byte) => byte === lineBreak).length);
          }
          expect(await rowsOf(again, next)).toStrictEqual(rows.slice(index + 1));
        }
      }),
      { numRuns: 60 },
    );
  });
});
