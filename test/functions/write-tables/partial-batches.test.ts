import { expect, test } from '@jest/globals';
import { receiptKey, stagedTableKey } from '../../../functions/shared/object-keys.ts';
import { type Receipt, receiptSchema } from '../../../functions/shared/receipt.ts';
import { writeTables } from '../../../functions/write-tables/write-tables.ts';
import { manyTexts, RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { ANSWER_USD } from '../../fakes/scripted-summarizer.ts';
import { failingAt, openBench, refused } from '../summarize-batch/summarize-bench.ts';
import { parquetRows } from './parquet-content.ts';

const PART = '000000';

test('rows that the model refused are failed with their reason; the others have the summary of their batch', async () => {
  const run = sampleRun({ settings: { batchRows: 4 } });
  // Three batches: whole, without two of its rows, without any.
  const bench = await openBench({ run, texts: manyTexts(10) });
  await bench.summarizeWith(failingAt(['text 4', 'text 7', 'text 8', 'text 9'], refused));
  const { work } = bench;
  await writeTables({ run, part: PART, stopReason: null }, { work });
  const rowsIn = (table: string) => parquetRows(work.bytes(stagedTableKey(RUN_ID, table, PART)));

  const summaries = [0, 1, 2].map((batchId) => bench.outcome(batchId).answer?.text ?? null);
  const failed = { summary: null, status: 'failed', error_code: 'refusal' };
  const ok = (batch: number) => ({ summary: summaries[batch], status: 'ok', error_code: null });
  const fates = [ok(0), ok(0), ok(0), ok(0), failed, ok(1), ok(1), failed, failed, failed];
  expect(await rowsIn('row_summaries')).toEqual(
    fates.map((fate, row) => expect.objectContaining({ row_number: BigInt(row), batch_id: BigInt(Math.floor(row / 4)), ...fate })),
  );

  const batches = await rowsIn('batch_summaries');
  expect(batches).toEqual([
    expect.objectContaining({
      status: 'ok',
      row_count: 4n,
      rows_failed: 0n,
      error_code: null,
      summary: summaries[0],
      input_tokens: 1_000n,
    }),
    // The whole, two halves, four rows, and the merge of two.
    expect.objectContaining({
      ...{ status: 'partial', row_count: 4n, rows_failed: 2n, error_code: 'refusal', error_message: 'The model refused' },
      ...{ summary: summaries[1], input_tokens: 8_000n, output_tokens: 800n, from_cache: false, model: 'gpt-6-luna-2026-10-01' },
    }),
    expect.objectContaining({
      ...{ status: 'failed', row_count: 2n, rows_failed: 2n, error_code: 'refusal', summary: null, input_tokens: 3_000n, model: null },
    }),
  ]);
  expect(batches[1]?.cost_usd).toBeCloseTo(8 * ANSWER_USD, 12);

  const receipt: Receipt = receiptSchema.parse(work.json(receiptKey(RUN_ID, PART)));
  expect(receipt).toMatchObject({
    ...{ rows: { start: 0, end: 10 }, rowsSummarized: 6, rowsFailed: 4, batches: 3, batchesFailed: 1, failures: { refusal: 4 } },
    ...{ calls: 4, callsByAttempt: { 1: 4 }, inputTokens: 12_000 },
  });
});
