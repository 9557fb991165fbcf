import { describe, expect, test } from '@jest/globals';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { openUpload } from '../../../functions/plan-batches/open-upload.ts';
import type { UploadSource } from '../../../functions/plan-batches/records/record-format.ts';
import { defaultSettings } from '../../../functions/shared/settings.ts';
import { memorySource, openBytes, rowsOf } from './upload-source.ts';

const ROWS = 20_000;
const random = (row: number, index: number) => ((row * 7_919 + index * 104_729) % 26).toString(36);
const texts = Array.from({ length: ROWS }, (_, row) =>
  row % 10 === 3 ? null : Array.from({ length: 40 }, (_, index) => random(row, index)).join(''),
);
const parquet = Buffer.from(
  parquetWriteBuffer({
    ...{ codec: 'UNCOMPRESSED', rowGroupSize: 8_000, pageSize: 10_000 },
    columnData: [
      { name: 'id', data: Array.from({ length: ROWS }, (_, row) => BigInt(row)), type: 'INT64' },
      { name: 'review', data: texts, type: 'STRING' },
      { name: 'shop', data: Array.from({ length: ROWS }, (_, row) => `shop ${row % 3}`), type: 'STRING' },
    ],
  }),
);

/** The file in a store that has ranges, each of which is kept in `ranges`. */
function rangedSource(bytes: Buffer): { source: UploadSource; ranges: [number, number][] } {
  const ranges: [number, number][] = [];
  const source: UploadSource = {
    ...memorySource('reviews.parquet', bytes),
    async read(start, end) {
      ranges.push([start, end]);
      return bytes.subarray(start, end);
    },
  };
  return { source, ranges };
}

describe('a Parquet file of three row groups and many pages', () => {
  test('gives every row once, nulls as rows without text', async () => {
    const rows = await rowsOf(await openBytes('reviews.parquet', parquet));
    expect(rows.map((row) => (row.reason === null ? row.text : row.reason))).toEqual(texts.map((text) => text ?? 'empty_text'));
    expect(rows[8_000]).toMatchObject({ rowNumber: 8_000, line: 8_001, id: '8000', attributes: '{"shop":"shop 2"}' });
    expect(rows.at(-1)?.next).toEqual({ byte: ROWS, line: ROWS + 1, rowNumber: ROWS });
  });

  test('is read on from any row, the row groups before it left alone', async () => {
    const { source, ranges } = rangedSource(parquet);
    const upload = await openUpload(source, defaultSettings);
    const rows = await rowsOf(upload);
    for (const index of [0, 1, 1_023, 1_024, 5_000, 7_998, 7_999, 8_000, 15_999, 19_998, 19_999]) {
      expect(await rowsOf(upload, rows[index]?.next)).toEqual(rows.slice(index + 1));
    }
    ranges.length = 0;
    await rowsOf(upload, rows[15_999]?.next);
    expect(Math.min(...ranges.map(([start]) => start))).toBeGreaterThan(parquet.length / 2);
  });

  test('is read by ranges: none of them is the file', async () => {
    const { source, ranges } = rangedSource(parquet);
    await rowsOf(await openUpload(source, defaultSettings));
    expect(Math.max(...ranges.map(([start, end]) => end - start))).toBeLessThan(parquet.length / 2);
  });

  test('may stand behind other files of a folder: its positions count from its own start, its rows go on', async () => {
    const upload = await openBytes('reviews.parquet', parquet);
    const rows = await rowsOf(upload, { ...upload.start, rowNumber: 500 });
    expect(rows).toHaveLength(ROWS);
    expect(rows[0]).toMatchObject({ rowNumber: 500, line: 1, next: { byte: 1, line: 2, rowNumber: 501 } });
    expect(await rowsOf(upload, rows[99]?.next)).toEqual(rows.slice(100));
  });
});

test('an error of the store is no fault of the file', async () => {
  const { source } = rangedSource(parquet);
  const upload = await openUpload(source, defaultSettings);
  source.read = async () => {
    throw new Error('The connection was lost');
  };
  await expect(rowsOf(upload)).rejects.toThrow('connection');
});

test('lists, maps and structs stay what they are, over pages and row groups', async () => {
  const tags = Array.from({ length: 3_000 }, (_, row) => (row % 7 === 0 ? [] : Array.from({ length: row % 5 }, (_, tag) => `tag ${tag}`)));
  const nested = Buffer.from(
    parquetWriteBuffer({
      ...{ rowGroupSize: 1_000, pageSize: 500 },
      columnData: [
        { name: 'review', data: tags.map((_, row) => `review ${row}`) },
        { name: 'tags', data: tags },
      ],
      schema: [
        { name: 'root', num_children: 2 },
        { name: 'review', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
        { name: 'tags', repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        { name: 'element', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
      ],
    }),
  );
  const upload = await openBytes('nested.parquet', nested);
  const rows = await rowsOf(upload);
  expect(rows.map((row) => (row.reason === null ? JSON.parse(row.attributes).tags : row.reason))).toEqual(tags);
  expect(await rowsOf(upload, rows[1_500]?.next)).toEqual(rows.slice(1_501));
});

test('numbers in JSON text stay as they are written', async () => {
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): object };
  const bytes = parquetWriteBuffer({
    columnData: [
      { name: 'review', data: ['good'], type: 'STRING' },
      { name: 'extra', data: [{ price: rawJSON('1.10'), order: rawJSON('12345678901234567890') }], type: 'JSON' },
    ],
  });
  const [row] = await rowsOf(await openBytes('extra.parquet', Buffer.from(bytes)));
  expect(row).toMatchObject({ attributes: '{"extra":{"price":1.10,"order":12345678901234567890}}' });
});
