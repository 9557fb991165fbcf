import { describe, expect, test } from '@jest/globals';
import { openUpload } from '../../../functions/plan-batches/open-upload.ts';
import { MAX_RECORD_BYTES, RAW_CHARACTERS } from '../../../functions/shared/limits.ts';
import { defaultSettings } from '../../../functions/shared/settings.ts';
import { memorySource, openBytes, rowsOf } from './upload-source.ts';

const header = 'id,review\n';

describe('records at and beyond the longest that is taken', () => {
  const multiline = Array.from({ length: 400 }, (_, id) => `${id},"${'so nice, '.repeat(1 + id)}\né😀"\n`);
  /** More than the longest record, and no quote that could close one opened before. */
  const unquoted = Array.from({ length: 700 }, (_, id) => `${id},${'plain words; '.repeat(130)}\n`);
  const recordOf = (bytes: number, id: string) => `${id},${'x'.repeat(bytes - id.length - 1)}`;
  type Part = [record: string, reason: string | null, lines: number];
  const parts: Part[] = [
    ...multiline.map((record): Part => [record, null, 2]),
    [`${recordOf(MAX_RECORD_BYTES, 'longest')}\n`, null, 1],
    [`${recordOf(MAX_RECORD_BYTES + 1, 'too long')}\n`, 'record_too_long', 1],
    [`${recordOf(6 * MAX_RECORD_BYTES, 'longer than the window')}\n`, 'record_too_long', 1],
    [`never,"${'y'.repeat(6 * MAX_RECORD_BYTES)}\n`, 'unclosed_quote', 1],
    ['open,"never closed\n', 'unclosed_quote', 1],
    ...unquoted.map((record): Part => [record, null, 1]),
    ...multiline.map((record): Part => [record, null, 2]),
    [`last,"${'z'.repeat(2 * MAX_RECORD_BYTES)}`, 'unclosed_quote', 1],
  ];
  const content = Buffer.from(header + parts.map(([record]) => record).join(''));

  test('each is read or given up by itself, and reading goes on with the next line', async () => {
    const upload = await openUpload(memorySource('large.csv', content, 1_000_003), defaultSettings);
    const rows = await rowsOf(upload);
    let byte = header.length;
    let line = 2;
    const expected = parts.map(([record, reason, lines], rowNumber) => {
      const start = line;
      byte += Buffer.byteLength(record);
      line += lines;
      return { rowNumber, line: start, reason, next: { byte, line, rowNumber: rowNumber + 1 } };
    });
    expect(rows.map(({ rowNumber, line, reason, next }) => ({ rowNumber, line, reason, next }))).toEqual(expected);

    for (const index of [0, 399, 400, 401, 402, 403, 404, 1_000, rows.length - 1]) {
      expect(await rowsOf(upload, rows[index]?.next)).toEqual(rows.slice(index + 1));
    }
  });

  test('the raw text of a rejected record is its own, capped', async () => {
    const rows = await rowsOf(await openBytes('large.csv', content));
    const raws = rows.flatMap((row) => (row.reason === null ? [] : [row.raw]));
    expect(raws.map((raw) => raw.slice(0, 22))).toEqual([
      'too long,xxxxxxxxxxxxx',
      'longer than the window',
      'never,"yyyyyyyyyyyyyyy',
      'open,"never closed',
      'last,"zzzzzzzzzzzzzzzz',
    ]);
    expect(raws.map((raw) => raw.length)).toEqual([RAW_CHARACTERS, RAW_CHARACTERS, RAW_CHARACTERS, 18, RAW_CHARACTERS]);
  });

  test('so is each element of a JSON array; a quote that is never closed takes no other with it', async () => {
    const element = (id: number, bytes: number) => {
      const frame = JSON.stringify({ id, text: '' });
      return JSON.stringify({ id, text: 'x'.repeat(bytes - frame.length) });
    };
    const nested = JSON.stringify({ id: 3, text: 'y', list: Array.from({ length: 400_000 }, (_, id) => ({ id, at: '[' })) });
    const elements: [element: string, reason: string | null][] = [
      [element(0, 100), null],
      [element(1, MAX_RECORD_BYTES), null],
      [element(2, MAX_RECORD_BYTES + 1), 'record_too_long'],
      [nested, 'record_too_long'],
      [element(4, 6 * MAX_RECORD_BYTES), 'record_too_long'],
      [element(5, 100), null],
      [`{"id":6,"text":"${'never closed '.repeat(300_000)}}`, 'record_too_long'],
      [element(7, 3 * MAX_RECORD_BYTES).replace('xxx', 'x"x'), 'invalid_json'],
      ['{"id":8,"text":"open}', 'invalid_json'],
      ...Array.from({ length: 3_000 }, (_, id): [string, null] => [element(id + 9, 900), null]),
    ];
    const content = `[${elements.map(([written]) => written).join(',\n')}]`;
    const upload = await openUpload(memorySource('large.json', Buffer.from(content), 1_000_003), defaultSettings);
    const rows = await rowsOf(upload);
    expect(rows.map(({ line, reason }) => [line, reason])).toEqual(elements.map(([, reason], index) => [index + 1, reason]));
    for (const index of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1_000]) {
      expect(await rowsOf(upload, rows[index]?.next)).toEqual(rows.slice(index + 1));
    }
  });

  test('a line of JSON that is too long is rejected and skipped', async () => {
    const long = JSON.stringify({ id: 'b', text: 'x'.repeat(6 * MAX_RECORD_BYTES) });
    const upload = await openBytes('large.jsonl', `{"id":"a","text":"One"}\n${long}\n{"id":"c","text":"Three"}\n`);
    const rows = await rowsOf(upload);
    expect(rows.map(({ line, reason }) => ({ line, reason }))).toEqual([
      { line: 1, reason: null },
      { line: 2, reason: 'record_too_long' },
      { line: 3, reason: null },
    ]);
    expect(await rowsOf(upload, rows[1]?.next)).toEqual(rows.slice(2));
  });
});

test('a record may lie anywhere across the pieces in which the file is held', async () => {
  // Four small records and a large one; each fourth large one starts where less than itself is left of the bytes held.
  const large = (count: number) => (count % 4 === 3 ? 1_000_000 : 790_000);
  const texts = Array.from({ length: 40 }, (_, id) => `${'x'.repeat(id % 5 === 4 ? large((id - 4) / 5) : 60_000)}\n${'y'.repeat(100)}`);
  const upload = await openBytes('many-windows.csv', header + texts.map((text, id) => `${id},"${text}"\n`).join(''));
  const rows = await rowsOf(upload);
  expect(rows.map((row) => (row.reason === null ? row.text.length : row.reason))).toEqual(
    texts.map((text) => Math.min(text.length, defaultSettings.maxRowCharacters)),
  );
  expect(rows.at(-1)?.line).toBe(2 + 2 * 39);
});

describe('the sample', () => {
  test('is the first 1,000 records: what comes later decides nothing', async () => {
    const good = Array.from({ length: 1_000 }, (_, id) => `${id},fine\n`).join('');
    const upload = await openBytes('late.csv', `${header}${good}${'0,broken,\n'.repeat(5_000)}1,fine\n`);
    const rows = await rowsOf(upload);
    expect(upload.idColumn).toBe('id');
    expect(rows.filter(({ reason }) => reason === 'too_many_fields')).toHaveLength(5_000);
    expect(rows.at(-1)).toMatchObject({ id: '1', reason: null });
  });

  test('may be broken by half', async () => {
    const half = (broken: number) => header + '0,a,b\n'.repeat(broken) + '1,good\n'.repeat(1_000 - broken) + '2,good\n'.repeat(1_000);
    await expect(openBytes('half.csv', half(500))).resolves.toMatchObject({ textColumn: 'review' });
    await expect(openBytes('half.csv', half(501))).rejects.toMatchObject({ name: 'InvalidUploadError', code: 'mostly_broken' });
  });

  test('is not broken by empty texts', async () => {
    const rows = await rowsOf(await openBytes('empty-texts.csv', `${header}${'0,\n'.repeat(900)}1,good\n`));
    expect(rows.filter(({ reason }) => reason === 'empty_text')).toHaveLength(900);
  });
});

test('a NUL is text where the file has shown itself to be text', async () => {
  const texts = ['a\0b', '\0', 'c"\0'];
  const upload = await openBytes(
    'late-nul.csv',
    `${header}${'0,good\n'.repeat(2_000)}${texts.map((text) => `1,${text}\n`).join('')}2,last\n`,
  );
  const rows = (await rowsOf(upload)).slice(2_000);
  expect(rows.map((row) => (row.reason === null ? row.text : row.reason))).toEqual([...texts, 'last']);
});

test('a stream that is left early is closed', async () => {
  const source = memorySource('left.csv', Buffer.from(header + '1,good\n'.repeat(2_000_000)));
  let opened = 0;
  const counted = {
    ...source,
    async *open(startByte: number) {
      opened += 1;
      try {
        yield* source.open(startByte);
      } finally {
        opened -= 1;
      }
    },
  };
  const upload = await openUpload(counted, defaultSettings);
  expect(opened).toBe(0);
  for await (const _rows of upload.rows(upload.start)) {
    expect(opened).toBe(1);
    break;
  }
  expect(opened).toBe(0);
});
