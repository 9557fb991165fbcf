import { expect, test } from '@jest/globals';
import { excerptKey } from '../../../functions/shared/object-keys.ts';
import { tables } from '../../../functions/shared/tables.ts';
import { ParquetFile } from '../../../functions/write-tables/parquet-file.ts';
import { PartExcerpt } from '../../../functions/write-tables/report-excerpt.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { batchRow, excerptOf, failedBatchRow, textRow, twoBatches } from '../finish-run/report/table-rows.ts';

test('holds batches with their parents and rows, and what they cost by slice and by level', () => {
  const excerpt = excerptOf(twoBatches, { batches: 2 });
  expect(excerpt.batches.map(({ level, batch, parent, rows, summary }) => ({ level, batch, parent, rows, summary }))).toEqual([
    { level: 0, batch: 0, parent: [1, 0], rows: 2, summary: 'People like the lid.' },
    { level: 0, batch: 1, parent: [1, 0], rows: 2, summary: 'The price is fine.' },
    { level: 1, batch: 0, parent: null, rows: 4, summary: 'On the whole the lid is liked.' },
  ]);
  expect(excerpt.batches.map(({ texts }) => texts)).toEqual([
    [0, 1].map((row) => ({ row, id: `id-${row}`, text: `Text of row ${row}.` })),
    [2, 3].map((row) => ({ row, id: `id-${row}`, text: `Text of row ${row}.` })),
    undefined,
  ]);
  const paid = { batches: 1, failed: 0, fromCache: 0, inputTokens: 1_000, outputTokens: 50, costUsd: 0.002 };
  expect(excerpt.slices).toEqual({ 0: paid, 1: paid });
  expect(excerpt.levels).toEqual({ 0: { ...paid, batches: 2, inputTokens: 2_000, outputTokens: 100, costUsd: 0.004 }, 1: paid });
  expect(excerpt.latencies.reduce((sum, answers) => sum + answers)).toBe(3);
});

test('a row keeps a summary of its own; that of its batch is not repeated', () => {
  const { batches } = excerptOf({
    batch_summaries: [batchRow()],
    row_summaries: [textRow(0, 0), textRow(1, 0, { summary: 'The lid is fine.' })],
  });
  expect(batches[0]?.texts?.map(({ summary }) => summary)).toEqual([undefined, 'The lid is fine.']);
});

test('rows of small groups, which are in no batch, are left out', () => {
  const skipped = textRow(1, 0, { batch_id: null, status: 'skipped', summary: null });
  const excerpt = excerptOf({ batch_summaries: [batchRow({ row_count: 1 })], row_summaries: [textRow(0, 0), skipped] });
  expect(excerpt.batches[0]?.texts).toHaveLength(1);
  expect(excerpt.failedRows).toEqual([]);
});

test('failures and rejections are counted, with the first examples of each', () => {
  const rejected_rows = Array.from({ length: 9 }, (_, row) => ({
    row_number: row,
    line: row + 2,
    reason: row === 8 ? 'invalid_json' : 'empty_text',
    raw: `raw ${row}`,
  }));
  const row_summaries = [0, 1].map((row) => textRow(row, 0, { status: 'failed', error_code: 'refusal', summary: null }));
  const excerpt = excerptOf({ batch_summaries: [failedBatchRow()], row_summaries, rejected_rows });
  expect(excerpt.failedBatches).toEqual([
    { code: 'refusal', count: 1, examples: [{ place: 'level 0, batch 0', text: 'The model refused.' }] },
  ]);
  expect(excerpt.failedRows).toMatchObject([
    { code: 'refusal', count: 2, examples: [{ place: 'row 0, id id-0' }, { place: 'row 1, id id-1' }] },
  ]);
  expect(excerpt.rejected.map(({ code, count, examples }) => [code, count, examples.length])).toEqual([
    ['empty_text', 8, 3],
    ['invalid_json', 1, 1],
  ]);
});

test('no text is cut within a character, and what is cut says so', () => {
  const long = `${'a'.repeat(3_999)}😀 and more`;
  const { batches } = excerptOf({
    batch_summaries: [batchRow({ summary: long, row_count: 1 })],
    row_summaries: [textRow(0, 0, { text: long, summary: long })],
  });
  expect(batches[0]).toMatchObject({ summary: 'a'.repeat(3_999), isCut: true });
  expect(batches[0]?.texts).toEqual([{ row: 0, id: 'id-0', text: 'a'.repeat(3_999), isCut: true }]);
});

test('is bounded: of a run with many batches each has its share of rows, the first of them, and no more than so many are held', () => {
  const many = 25_000;
  const batch_summaries = Array.from({ length: 30 }, (_, index) =>
    batchRow({ batch_id: index < 20 ? index : many - 1 - index, row_count: 100 }),
  );
  const text = 'x'.repeat(100);
  const row_summaries = batch_summaries.flatMap(({ batch_id }, index) =>
    Array.from({ length: 100 }, (_, row) => textRow(index * 100 + row, Number(batch_id), { text })),
  );
  const { batches, slices } = excerptOf({ batch_summaries, row_summaries }, { batches: many });
  expect(batches.map(({ batch }) => batch)).toEqual(Array.from({ length: 20 }, (_, batch) => batch));
  // 8,000,000 characters for 20,000 batches are 400 for each: three rows with their ids, and now and then what was left makes one more.
  for (const { batch, texts = [] } of batches) {
    expect(texts.length).toBeGreaterThanOrEqual(3);
    expect(texts.length).toBeLessThanOrEqual(4);
    expect(texts.map(({ row }) => row)).toEqual(texts.map((_, index) => batch * 100 + index));
  }
  expect(Object.values(slices).reduce((sum, slice) => sum + slice.batches, 0)).toBe(30);
});

test('holds the largest groups, and counts all', () => {
  const group_summaries = Array.from({ length: 1_000 }, (_, index) => ({
    group_key: `g${index}`,
    row_count: (index * 7) % 1_000,
    rows_failed: 0,
    summary: 's',
    cost_usd: 0,
  }));
  const { groups, groupCount } = excerptOf({ group_summaries });
  expect(groupCount).toBe(1_000);
  expect(groups.map(({ rows }) => rows)).toEqual(Array.from({ length: 100 }, (_, index) => 999 - index));
});

test('holds the themes of the run with their first quotes, each once', () => {
  const theme = { theme: 'Lids', row_count: 4, share: 0.5, positive_rows: 3, negative_rows: 1, example_ids: '[]' };
  const mention = {
    run_theme: 'Lids',
    theme: 'lid',
    sentiment: 'positive',
    statement: 'The lid is liked',
    row_number: 3,
    quote: 'love the lid',
  };
  const excerpt = excerptOf({
    themes: [
      { ...theme, group_key: 'a' },
      { ...theme, group_key: null },
    ],
    theme_mentions: [
      mention,
      mention,
      { ...mention, row_number: 4, quote: null },
      { ...mention, run_theme: null, quote: 'x' },
      { ...mention, quote: 'great lid' },
    ],
  });
  expect(excerpt.themes).toEqual([{ theme: 'Lids', rows: 4, share: 0.5, positive: 3, negative: 1 }]);
  expect(Object.keys(excerpt.quotes)).toEqual(['Lids']);
  expect(excerpt.quotes.Lids?.map(({ quote }) => quote)).toEqual(['love the lid', 'great lid']);
});

test('what it cannot take leaves the tables alone and the part without an excerpt; so does a store that takes none', async () => {
  const work = new MemoryStore('work');
  const broken = new PartExcerpt(sampleRun(), '000000', { counts: { batches: 1 } } as never);
  const file = new ParquetFile(tables.rejected_rows);
  broken.watch({ rejected_rows: file });
  const trap = {
    toString: () => {
      throw new Error('no text');
    },
  };
  const row = { run_id: RUN_ID, dataset: 'd', source_key: 'k', row_number: 0, line: 2, reason: trap, raw: '' } as never;
  expect(() => file.add(row)).not.toThrow();
  expect(file.rows).toBe(1);
  expect(await broken.store(work)).toBe(false);
  expect(work.keys()).toEqual([]);

  const whole = new PartExcerpt(sampleRun(), '000000', { counts: { batches: 1 } } as never);
  work.crashBefore(/excerpts/, { operation: 'put' });
  expect(await whole.store(work)).toBe(false);
  expect(await whole.store(work)).toBe(true);
  expect(work.keys()).toEqual([excerptKey(RUN_ID, '000000')]);
});
