import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { csvPart, type Files, folderOf, headerless, jsonlPart, openFiles, spark, textsOf } from './folder-bench.ts';
import { rowsOf } from './upload-source.ts';

const parquetPart = (from: number, rows: number) => {
  const numbers = Array.from({ length: rows }, (_, row) => from + row);
  return Buffer.from(
    parquetWriteBuffer({
      columnData: [
        { name: 'id', data: numbers.map((number) => `r${number}`) },
        { name: 'review', data: numbers.map((number) => `review number ${number}`) },
        { name: 'stars', data: numbers.map(() => 5) },
      ],
    }),
  );
};

describe.each<[string, Files]>([
  ['CSV parts with a header each', spark],
  ['JSON Lines parts', { 'part-0.json': jsonlPart(0, 5), 'part-1.json': '\n', 'part-2.json': jsonlPart(5, 4) }],
  ['gzip parts', { 'part-0.csv.gz': gzipSync(csvPart(0, 5)), 'part-1.csv.gz': gzipSync(''), 'part-2.csv.gz': gzipSync(csvPart(5, 4)) }],
  ['Parquet parts', { 'part-0.parquet': parquetPart(0, 5), 'part-1.parquet': parquetPart(5, 4) }],
  ['parts of several formats', { 'part-0.csv': csvPart(0, 5), 'part-1.json.gz': gzipSync(jsonlPart(5, 4)) }],
])('a folder of %s', (_, files) => {
  test('is one upload, its rows numbered through', async () => {
    const upload = await openFiles(files);
    expect(upload).toMatchObject({ textColumn: 'review', idColumn: 'id', columns: ['id', 'review', 'stars'] });
    expect(await rowsOf(upload)).toEqual(
      Array.from({ length: 9 }, (_, row) =>
        expect.objectContaining({ rowNumber: row, id: `r${row}`, text: `review number ${row}`, truncated: false, reason: null }),
      ),
    );
  });

  test('goes on after any row as if there had been no break', async () => {
    const whole = await rowsOf(await openFiles(files));
    for (const [index, { next }] of whole.entries()) {
      const stored = JSON.parse(JSON.stringify(next)) as typeof next;
      expect(await rowsOf(await openFiles(files), stored)).toEqual(whole.slice(index + 1));
    }
  });
});

describe('parts without a header', () => {
  const settings = { textColumn: 'column_2', idColumn: 'column_1' };

  test('keep every line where the text is named by its place', async () => {
    const upload = await openFiles(headerless, settings);
    expect(upload).toMatchObject({ ...settings, columns: ['column_1', 'column_2', 'column_3'], delimiter: '|', isHeaderless: true });
    expect((await rowsOf(upload)).map((row) => [row.part, row.line, row.reason ?? `${row.id} ${row.text}`])).toEqual([
      ['part-0', 1, 'r0 It is warm, soft and fits'],
      ['part-0', 2, 'r1 Far too small for me, I fear'],
      ['part-1', 1, 'r2 As described, quick, cheap'],
      ['part-2', 1, 'too_few_fields'],
      ['part-2', 2, 'r4 Nice to see and nice to wear'],
    ]);
  });

  test('may be called text, those of one line too', async () => {
    const files = { 'a.txt': 'r1\tIt is warm and soft\nr2\tFar too small\n', 'b.txt': 'r3\tAs described\n' };
    expect(await textsOf(await openFiles(files, settings))).toEqual(['It is warm and soft', 'Far too small', 'As described']);
  });

  test('go on after any row as if there had been no break', async () => {
    const whole = await rowsOf(await openFiles(headerless, settings));
    for (const [index, { next }] of whole.entries()) {
      expect(await rowsOf(await openFiles(headerless, settings), next)).toEqual(whole.slice(index + 1));
    }
  });

  test('lose no line that comes before the first part with all columns', async () => {
    const upload = await openFiles({ 'part-.csv': '\ufeffonly\n', ...headerless }, { textColumn: 'column_2' });
    expect((await rowsOf(upload))[0]).toMatchObject({ rowNumber: 0, part: 'part-.csv', line: 1, reason: 'too_few_fields', raw: 'only' });
    expect(await rowsOf(upload)).toHaveLength(6);
  });
});

describe('the parts', () => {
  test('count their lines for themselves, and a rejected row names its part', async () => {
    const rows = await rowsOf(await openFiles({ 'a.csv': 'id,review\n1,one\n2,\n', 'b/c.csv': 'id,review\n3,three\n4,four,4\n' }));
    expect(rows.map(({ rowNumber, part, line, reason }) => [rowNumber, part, line, reason])).toEqual([
      [0, 'a.csv', 2, null],
      [1, 'a.csv', 3, 'empty_text'],
      [2, 'b/c.csv', 2, null],
      [3, 'b/c.csv', 3, 'too_many_fields'],
    ]);
  });

  test('without an id column have the row numbers of the folder', async () => {
    // Each text is its own only in the second part: what is chosen there does not count.
    const upload = await openFiles({ 'a.csv': 'id,review\n1,one\n1,two\n', 'b.csv': 'id,review\n7,three\n' });
    expect(upload.idColumn).toBeNull();
    expect((await rowsOf(upload)).map((row) => row.reason === null && row.id)).toEqual(['1', '2', '3']);
  });

  test('may be in Hive partitions, whose names are attributes', async () => {
    const upload = await openFiles({
      'dt=2026-01-01/city=K%C3%B6ln/part-0.csv': 'id,review\n1,one\n',
      'dt=2026-01-02/city=__HIVE_DEFAULT_PARTITION__/part-0.csv': 'id,review\n2,two\n',
    });
    expect(upload.columns).toEqual(['id', 'review', 'dt', 'city']);
    expect((await rowsOf(upload)).map((row) => row.reason === null && row.attributes)).toEqual([
      '{"dt":"2026-01-01","city":"Köln"}',
      '{"dt":"2026-01-02","city":null}',
    ]);
  });

  test('may be grouped by the names of their partitions, or by a column that all of them have', async () => {
    const keysOf = async (files: Files, groupColumn: string) =>
      (await rowsOf(await openFiles(files, { groupColumn }))).map((row) => row.reason === null && row.groupKey);
    const partitions = {
      'dt=1/city=K%C3%B6ln/part-0.csv': 'id,review\n1,one\n',
      'dt=1/city=__HIVE_DEFAULT_PARTITION__/part-0.csv': 'id,review\n2,two\n',
    };
    expect(await keysOf(partitions, 'city')).toEqual(['Köln', '']);
    expect(await keysOf(partitions, 'dt,city')).toEqual(['["1","Köln"]', '["1",""]']);
    // What a row says itself comes before the name of its folder.
    expect(await keysOf({ 'stars=9/part-0.csv': 'id,review,stars\n1,one,\n2,two,5\n' }, 'stars')).toEqual(['', '5']);
  });

  test('are refused where one lacks the group column, in its header and in its path', async () => {
    const files = { 'shop=a/part-0.csv': 'id,review\n1,one\n', 'part-1.csv': 'id,review\n2,two\n' };
    await expect(rowsOf(await openFiles(files, { groupColumn: 'shop' }))).rejects.toMatchObject({
      ...{ name: 'InvalidUploadError', code: 'missing_column', message: expect.stringContaining('no column "shop"') },
    });
  });

  test('keep a column of their own that has the name of a partition', async () => {
    const [row] = await rowsOf(await openFiles({ 'stars=9/part-0.csv': csvPart(0, 1) }));
    expect(row).toMatchObject({ attributes: '{"stars":"5"}' });
  });

  test('are separated as the first one is, where its columns are then found', async () => {
    const rows = await rowsOf(
      await openFiles({ 'a.csv': 'id;review\n1;a, b\n2;c\n', 'b.csv': 'id;review\n3;d, e, f\n', 'c.csv': 'id,review\n4,g\n' }),
    );
    expect(rows.map((row) => (row.reason === null ? `${row.id} ${row.text}` : row.reason))).toEqual(['1 a, b', '2 c', '3 d, e, f', '4 g']);
  });

  test('may have other columns in another order', async () => {
    const rows = await rowsOf(await openFiles({ 'a.csv': csvPart(0, 1), 'b.csv': 'shop,review,id\nBerlin,two,2\n' }));
    expect(rows[1]).toMatchObject({ id: '2', text: 'two', attributes: '{"shop":"Berlin"}' });
  });

  test('of JSON Lines may leave out a text that is null', async () => {
    expect(await textsOf(await openFiles({ 'a.json': jsonlPart(0, 2), 'b.json': '{"id":"x"}\n' }))).toEqual([
      'review number 0',
      'review number 1',
      'empty_text',
    ]);
  });

  test('may hold few rows that are broken', async () => {
    expect(await textsOf(await openFiles({ 'a.csv': csvPart(0, 1), 'b.csv': 'id,review,stars\n1\n' }))).toEqual([
      'review number 0',
      'too_few_fields',
    ]);
  });

  test('that are small are fetched once each', async () => {
    const { input, open } = await folderOf(spark);
    const upload = await open();
    input.operations.length = 0;
    await rowsOf(upload);
    expect(input.operations.map((line) => line.split('/').at(-1))).toEqual(['part-00000.csv', 'part-00002.csv', 'part-00003.csv']);
  });
});
