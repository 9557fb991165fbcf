import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { openPinned } from '../../../functions/plan-batches/open-pinned.ts';
import { type PlanBatchesPorts, planBatches } from '../../../functions/plan-batches/plan-batches.ts';
import type { Upload } from '../../../functions/plan-batches/upload.ts';
import { claimAttempt } from '../../../functions/shared/attempt.ts';
import { planBatchesOutput, type Rejection, type Run, type SourcePart, type StagedRow } from '../../../functions/shared/contract.ts';
import { bytesOfParts, pinParts } from '../../../functions/shared/folder-parts.ts';
import { MAX_FOLDER_PARTS } from '../../../functions/shared/limits.ts';
import { manifestKey, partKey, planKey, rejectedKey } from '../../../functions/shared/object-keys.ts';
import type { Settings } from '../../../functions/shared/settings.ts';
import { memoryControl } from '../../../local/memory-control.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RecordingEventSink } from '../../fakes/recording-event-sink.ts';
import { ACCEPTED_AT, RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { rowsOf } from './upload-source.ts';

const FOLDER = 'support/export/';
type Files = Record<string, string | Uint8Array>;

/** A claimed run of a folder whose parts are pinned in the order given. */
async function folderOf(files: Files, settings: Partial<Settings> = {}) {
  const input = new MemoryStore('input');
  const work = new MemoryStore('work');
  const parts: SourcePart[] = Object.entries(files).map(([key, content]) => ({
    key,
    versionId: input.seed(FOLDER + key, content),
    bytes: Buffer.byteLength(content),
  }));
  await pinParts(work, RUN_ID, parts);
  const source = { bucket: 'input', key: FOLDER, versionId: 'success', bytes: bytesOfParts(parts), parts: parts.length };
  const run = sampleRun({ source, settings: { upload: 'folder', ...settings } });
  await claimAttempt(work, run.runId, { attempt: 1, owner: 'execution', acceptedAt: ACCEPTED_AT, settings: run.settings });
  const ports: PlanBatchesPorts = {
    ...{ input, work, resultsBucket: 'results', control: memoryControl(), events: new RecordingEventSink() },
    ...{ concurrency: 100, isTimeShort: () => false },
  };
  const plan = (changes: Partial<Run> = {}, continueWithPart: number | null = null, isTimeShort = false) =>
    planBatches({ run: { ...run, ...changes }, level: 0, continueWithPart }, { ...ports, isTimeShort: () => isTimeShort });
  return { input, work, run, plan, open: () => openPinned(run, input, work) };
}

const openFiles = async (files: Files, settings: Partial<Settings> = {}): Promise<Upload> => (await folderOf(files, settings)).open();
const textsOf = async (upload: Upload) => (await rowsOf(upload)).map((row) => (row.reason === null ? row.text : row.reason));

const csvPart = (from: number, rows: number) =>
  `id,review,stars\n${Array.from({ length: rows }, (_, row) => `r${from + row},review number ${from + row},5\n`).join('')}`;
const jsonlPart = (from: number, rows: number) =>
  Array.from({ length: rows }, (_, row) => `{"id":"r${from + row}","review":"review number ${from + row}","stars":5}\n`).join('');

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

const parquetWithout = (column: string) =>
  Buffer.from(
    parquetWriteBuffer({
      columnData: [
        { name: 'id', data: ['r1'] },
        { name: 'review', data: ['good'] },
      ].filter(({ name }) => name !== column),
    }),
  );

/** What Spark writes: a header in every part, an empty part, one with nothing but a header. */
const spark = {
  'part-00000.csv': csvPart(0, 5),
  'part-00001.csv': '',
  'part-00002.csv': 'id,review,stars\n',
  'part-00003.csv': csvPart(5, 4),
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

/** What Athena and Redshift write; one part has a single line, one a line that is broken. */
const headerless = {
  'part-0': 'r0|It is warm, soft and fits|5\nr1|Far too small for me, I fear|2\n',
  'part-1': 'r2|As described, quick, cheap|4\n',
  'part-2': 'r3|short\nr4|Nice to see and nice to wear|5\n',
};

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

describe('a planned folder', () => {
  test('has one manifest over all parts, and notes that say what it was', async () => {
    const { plan, work } = await folderOf(spark, { batchRows: 4 });
    expect(planBatchesOutput.parse(await plan())).toMatchObject({ next: 'summarize', run: { source: { key: FOLDER, parts: 4 } } });
    expect(work.jsonLines(manifestKey(RUN_ID, 0))).toMatchObject([
      { firstRow: 0, rows: 4 },
      { firstRow: 4, rows: 4 },
      { firstRow: 8, rows: 1 },
    ]);
    expect(work.json(planKey(RUN_ID))).toMatchObject({
      format: 'csv',
      counts: { rowsIn: 9 },
      notes: ['The upload is a folder of 4 part files.'],
    });
  });

  test('says of a rejection in which part it is', async () => {
    const { plan, work } = await folderOf({ 'a.csv': csvPart(0, 1), 'b.csv': 'id,review\n1,\n' });
    await plan();
    expect(work.jsonLines<Rejection>(rejectedKey(RUN_ID, 0))).toEqual([
      { rowNumber: 1, part: 'b.csv', line: 2, reason: 'empty_text', raw: '1,' },
    ]);
  });

  test('is read up to the limit, across its parts', async () => {
    const { plan, work } = await folderOf(spark);
    await plan({ limit: 7 });
    expect(work.jsonLines<StagedRow>(partKey(RUN_ID, 0)).map(({ id }) => id)).toEqual(['r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6']);
  });

  test('comes out the same when planning stops after every staged part', async () => {
    const files = Object.fromEntries(Array.from({ length: 5 }, (_, part) => [`part-${part}.csv`, csvPart(part * 50_000, 50_000)]));
    const whole = await folderOf(files);
    await whole.plan();
    const pieces = await folderOf(files);
    let calls = 1;
    let planned = await pieces.plan({}, null, true);
    for (; planned.next === 'plan'; calls++) planned = await pieces.plan({}, planned.continueWithPart, true);
    // Three parts, and the join.
    expect(calls).toBe(4);
    expect(pieces.work.keys()).toEqual(whole.work.keys());
    for (const key of whole.work.keys()) expect(pieces.work.bytes(key).equals(whole.work.bytes(key))).toBe(true);
  });
});
