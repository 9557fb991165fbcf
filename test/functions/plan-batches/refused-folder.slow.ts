import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { MAX_FOLDER_PARTS } from '../../../functions/shared/limits.ts';
import type { Settings } from '../../../functions/shared/settings.ts';
import { csvPart, type Files, FOLDER, folderOf, headerless, openFiles, spark, textsOf } from './folder-bench.ts';
import { rowsOf } from './upload-source.ts';

const parquetWithout = (column: string) =>
  Buffer.from(
    parquetWriteBuffer({
      columnData: [
        { name: 'id', data: ['r1'] },
        { name: 'review', data: ['good'] },
      ].filter(({ name }) => name !== column),
    }),
  );

describe('a folder is refused', () => {
  const refusalOf = async (files: Files, settings: Partial<Settings> = {}) =>
    openFiles(files, settings)
      .then(rowsOf)
      .then(
        () => undefined,
        ({ name, code, message }: { name: string; code: string; message: string }) => ({ name, code, message }),
      );

  test('where a part lacks the text column', async () => {
    expect(await refusalOf({ 'a.csv': csvPart(0, 1), 'x=1/b.csv': 'id,comment\n1,good\n' })).toEqual({
      name: 'InvalidUploadError',
      code: 'missing_column',
      message:
        'export/x=1/b.csv has no column "review", which the part files before it have; write the column names on the first line of every ' +
        'part file, or of none and set textColumn (--text-column) to column_2. Its first line holds: "id", "comment".',
    });
    expect(await refusalOf({ 'a.csv': csvPart(0, 1), 'b.parquet': parquetWithout('review') })).toMatchObject({
      code: 'missing_column',
      message: expect.stringMatching(/; write the same columns to every part file\. Its columns are: "id"\.$/),
    });
  });

  test('where the one line of a part is no header', async () => {
    const missing = { code: 'missing_column', message: expect.stringMatching(/^export\/b\.csv has no column "review", .*"r5", "fine"/) };
    expect(await refusalOf({ 'a.csv': csvPart(0, 2), 'b.csv': 'r5,fine,4\n' })).toMatchObject(missing);
    // It may come before the first part with rows, too.
    expect(await refusalOf({ 'b.csv': 'r5,fine,4\n', 'c.csv': csvPart(0, 2) })).toMatchObject(missing);
  });

  test('where the first part has no header that could be one', async () => {
    expect(await refusalOf(headerless)).toMatchObject({
      code: 'no_header',
      message: expect.stringMatching(/^export\/part-0 seems to have no /),
    });
  });

  test('where no part has more than one line', async () => {
    const lines = { 'a.csv': 'r1,It is warm and soft and fits,5\n', 'b.csv': 'r2,Far too small for me I fear,2\n' };
    expect(await refusalOf(lines)).toEqual({
      name: 'InvalidUploadError',
      code: 'empty_folder',
      message:
        'export/ has no rows in its part files; if the one line that they have is a row and not column names, set textColumn (--text-column) to ' +
        'the place of the text: column_1, column_2 ...',
    });
    expect(await textsOf(await openFiles(lines, { textColumn: 'column_2' }))).toEqual([
      'It is warm and soft and fits',
      'Far too small for me I fear',
    ]);
  });

  test('where a part lacks the id column', async () => {
    expect(await refusalOf({ 'a.csv': csvPart(0, 2), 'b.csv': 'review\ngood\n' })).toMatchObject({ code: 'missing_column' });
  });

  test('where a part is something else', async () => {
    expect(await refusalOf({ 'a.csv': csvPart(0, 1), 'b.pdf': '%PDF-1.7\n' })).toMatchObject({
      code: 'pdf',
      message: expect.stringMatching(/^export\/b\.pdf is a PDF; /),
    });
  });

  test('where a part turns out damaged while it is read', async () => {
    const texts = Array.from({ length: 20_000 }, () => `${Math.random()},${Math.random().toString(36).repeat(5)}\n`).join('');
    const cut = gzipSync(`id,review\n${texts}`).subarray(0, -100);
    expect(await refusalOf({ 'a.csv': 'id,review\n1,one\n', 'x=1/b.csv.gz': cut })).toMatchObject({
      code: 'cut_short',
      message: expect.stringMatching(/^export\/x=1\/b\.csv\.gz is compressed /),
    });
  });

  test('where the first part has no text column', async () => {
    expect(await refusalOf({ 'a.csv': 'x,y\n1,2\n' })).toMatchObject({ message: expect.stringMatching(/^export\/a\.csv: No column /) });
    expect(await refusalOf({ 'a.csv': csvPart(0, 1) }, { textColumn: 'body' })).toMatchObject({ code: 'unknown_column' });
  });

  test.each<[string, Files]>([
    ['no part', {}],
    ['no part with rows', { 'a.csv': '\n', 'b.csv': 'id,review\n' }],
  ])('where there is %s', async (_, files) => {
    expect(await refusalOf(files)).toMatchObject({ code: 'empty_folder', message: expect.stringMatching(/^export\/ has no .*_SUCCESS/) });
  });

  test('where there are too many parts', async () => {
    const files = Object.fromEntries(Array.from({ length: MAX_FOLDER_PARTS + 1 }, (_, part) => [`${part}.csv`, csvPart(part, 1)]));
    expect(await refusalOf(files)).toMatchObject({ code: 'too_many_parts' });
  });

  test('where a part was replaced since it was pinned, as a file is', async () => {
    const { input, open } = await folderOf(spark);
    const upload = await open();
    input.seed(`${FOLDER}part-00003.csv`, csvPart(5, 4));
    await expect(rowsOf(upload)).rejects.toMatchObject({ name: 'ObjectNotFound' });
  });
});
