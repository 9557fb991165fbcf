import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { UploadRow } from '../../../functions/plan-batches/upload.ts';
import { isBlank } from '../../../functions/plan-batches/upload-text.ts';
import { csvText, jsonlText, jsonText, packed, parquetBytes, type Table, utf16Bytes } from './table-writers.ts';
import { openBytes, rowsOf } from './upload-source.ts';

/** Characters that mean something to some reader, and ones of every length in UTF-8. */
const character = fc.oneof(
  fc.constantFrom('"', ',', ';', '\n', '\r', '\t', '|', "'", '\\', ' ', '\u00a0', '\ufffd'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
);
const value = fc.array(character, { maxLength: 12 }).map((characters) => characters.join(''));
const table = fc.array(fc.record({ key: value, text: value, note: value }), { minLength: 1, maxLength: 20 });
const columns = { textColumn: 'text', idColumn: 'key' };

/** What the rows of a table must come out as, positions left aside. */
const rowsOfTable = (rows: Table) =>
  rows.map(({ key, text, note }, rowNumber) =>
    isBlank(text)
      ? { rowNumber, reason: 'empty_text' }
      : {
          rowNumber,
          reason: null,
          id: isBlank(key) ? String(rowNumber + 1) : key,
          text,
          truncated: false,
          groupKey: null,
          attributes: JSON.stringify({ note }),
        },
  );
const withoutPlace = (rows: readonly UploadRow[]) =>
  rows.map((row) => {
    const { next: _next, line: _line, ...rest } = row;
    if (rest.reason === null) return rest;
    const { raw: _raw, ...rejected } = rest;
    return rejected;
  });

/** A row that shows how quotes within quotes are written. */
const shown = { key: 'k', text: 'He said "wow", loudly', note: '' };
const backslashedText = (rows: Table) => csvText(rows, { always: true, isBackslashed: true });

const binary = (text: string | Buffer) => Buffer.from(text as string).toString('latin1');
const fragments = ['"', '""', '"""', ',', ';', '\n', '\r\n', '\r', 'a', 'é', ' ', '\t', '1,x\n', '2,"y"\n', '3,"z\nz"\n'];
const jsonFragments = [
  ...['"', '\\', ',', '[', ']', '{', '}', '\n', ' ', 'a', 'é', ':', 'null'],
  ...['{"text":"b"}', ',\n{"text":"c","n":[{"text":"d"}]}', '\n], ['],
];
const goodRows = Array.from({ length: 22 }, () => '{"text":"gööd"}');
const pieces = (parts: readonly string[]) =>
  fc.array(fc.constantFrom(...parts.map(binary), '\xe9'), { maxLength: 20 }).map((chosen) => chosen.join(''));
const written = (write: (rows: Table) => string | Buffer) => table.map((rows) => binary(write(rows)));

interface Sample {
  name: string;
  settings: { textColumn: string; idColumn?: string };
  start: string;
  rest: fc.Arbitrary<string>;
  /** Whether a position is an offset in the file as it is, right behind a line break. */
  isByLine?: boolean;
}
const onlyText = { textColumn: 'text' };
/** Good rows first, so many that broken ones behind them do not have the file refused. One character stands for a byte. */
const formats: Sample[] = [
  // Anything near CSV, bytes that are not UTF-8 too.
  { name: 'near.csv', settings: onlyText, start: binary(`id,text\n${'0,gööd\n'.repeat(22)}`), rest: pieces(fragments), isByLine: true },
  { name: 'backslashes.csv', settings: columns, start: '', rest: written((rows) => backslashedText([shown, ...rows])) },
  { name: 'table.jsonl', settings: columns, start: '', rest: written((rows) => jsonlText(rows)), isByLine: true },
  { name: 'near.txt', settings: onlyText, start: binary('gööd\n'.repeat(22)), rest: pieces(fragments), isByLine: true },
  { name: 'near.json', settings: onlyText, start: binary(`[${goodRows.join(',\n')},`), rest: pieces(jsonFragments) },
  { name: 'near-property.json', settings: onlyText, start: binary(`{"a":[\n${goodRows.join(', ')}`), rest: pieces(jsonFragments) },
  { name: 'table.parquet', settings: columns, start: '', rest: written((rows) => parquetBytes(rows)) },
  { name: 'table.csv.gz', settings: columns, start: '', rest: written((rows) => packed(Buffer.from(csvText(rows)), 'gzip')) },
  { name: 'table.json.zst', settings: columns, start: '', rest: written((rows) => packed(Buffer.from(jsonText(rows)), 'zstd')) },
  { name: 'utf-16.csv', settings: columns, start: '', rest: written((rows) => utf16Bytes(csvText(rows), true)) },
];
const lineEnd = fc.constantFrom('\n', '\r\n', '\r');
/** Carriage returns end the lines only where the file has no line feed at all. */
const bytesOf = ({ start, isByLine }: Sample, rest: string, end: string) => {
  const isChanged = isByLine && end !== '\n';
  const lines = isChanged ? start.replaceAll('\n', end) : start;
  return Buffer.from(lines + (isChanged && end === '\r' ? rest.replaceAll('\n', end) : rest), 'latin1');
};

describe('any table comes back equal', () => {
  test('written as CSV', async () => {
    await fc.assert(
      fc.asyncProperty(table, fc.constantFrom('\n', '\r\n'), fc.boolean(), async (rows, lineEnd, always) => {
        const upload = await openBytes('table.csv', csvText(rows, { lineEnd, always }), columns);
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

  test.each([
    ['TSV', 'table.tsv', (rows: Table) => csvText(rows, { delimiter: '\t', always: true })],
    ['CSV with backslashes before quotes', 'table.csv', (rows: Table) => backslashedText(rows)],
    ['a JSON array', 'table.json', (rows: Table) => jsonText(rows)],
    ['a JSON array in lines', 'table.json', (rows: Table) => jsonText(rows, { indent: 2 })],
    ['a JSON array in an object', 'table.json', (rows: Table) => jsonText(rows, { indent: 1, property: 'rows' })],
    ['JSON objects in a row', 'table.json', (rows: Table) => rows.map((row) => JSON.stringify(row, null, 2)).join('\n')],
    ['Parquet', 'table.parquet', (rows: Table) => parquetBytes(rows)],
    ['CSV in gzip', 'table.csv.gz', (rows: Table) => packed(Buffer.from(csvText(rows)), 'gzip')],
    ['CSV in zstd', 'table.csv.zst', (rows: Table) => packed(Buffer.from(csvText(rows)), 'zstd')],
    ['CSV in UTF-16, little end first', 'table.csv', (rows: Table) => utf16Bytes(csvText(rows))],
    ['JSONL in UTF-16, big end first', 'table.jsonl', (rows: Table) => utf16Bytes(jsonlText(rows), true)],
  ])('written as %s', async (_format, name, write) => {
    await fc.assert(
      fc.asyncProperty(table, async (rows) => {
        const delimiter = name === 'table.tsv' ? 'tab' : null;
        const all = [shown, ...rows];
        const upload = await openBytes(name, write(all), { ...columns, delimiter });
        expect(withoutPlace(await rowsOf(upload))).toStrictEqual(rowsOfTable(all));
      }),
      { numRuns: 150 },
    );
  });
});

describe('how the stream is cut changes nothing', () => {
  test.each(formats)('$name', async (sample) => {
    const { name, settings, rest } = sample;
    await fc.assert(
      fc.asyncProperty(rest, lineEnd, fc.integer({ min: 1, max: 7 }), async (ending, end, chunkBytes) => {
        const content = bytesOf(sample, ending, end);
        const whole = await rowsOf(await openBytes(name, content, settings));
        expect(await rowsOf(await openBytes(name, content, settings, chunkBytes))).toStrictEqual(whole);
      }),
      { numRuns: 60 },
    );
  });
});

describe('reading from any next gives the rows that are left, and positions are exact', () => {
  test.each(formats)('$name', async (sample) => {
    const { name, settings, rest, isByLine } = sample;
    await fc.assert(
      fc.asyncProperty(rest, lineEnd, async (ending, end) => {
        const content = bytesOf(sample, ending, end);
        const rows = await rowsOf(await openBytes(name, content, settings));
        const again = await openBytes(name, content, settings);
        const lineBreak = content.includes(10) ? 10 : 13;
        let before = again.start;
        for (const [index, { rowNumber, next }] of rows.entries()) {
          expect([rowNumber, next.rowNumber]).toEqual([index, index + 1]);
          expect(next.byte).toBeGreaterThan(before.byte);
          expect(next.line).toBeGreaterThanOrEqual(before.line);
          before = next;
          if (isByLine && next.byte < content.length) {
            expect(content[next.byte - 1]).toBe(lineBreak);
            expect(next.line).toBe(1 + content.subarray(0, next.byte).filter((byte) => byte === lineBreak).length);
          }
          expect(await rowsOf(again, JSON.parse(JSON.stringify(next)))).toStrictEqual(rows.slice(index + 1));
        }
      }),
      { numRuns: 40 },
    );
  });
});
