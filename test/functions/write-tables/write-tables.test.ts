import { describe, expect, test } from '@jest/globals';
import {
  excerptKey,
  outcomeKey,
  partKey,
  partManifestKey,
  receiptKey,
  rejectedKey,
  stagedTableKey,
} from '../../../functions/shared/object-keys.ts';
import type { Outcome } from '../../../functions/shared/outcome.ts';
import { type Receipt, receiptSchema } from '../../../functions/shared/receipt.ts';
import { writeTables } from '../../../functions/write-tables/write-tables.ts';
import type { MemoryStore } from '../../fakes/memory-store.ts';
import { ACCEPTED_AT, RUN_ID } from '../../fakes/sample-run.ts';
import { duckDbTable, parquetRows } from './parquet-content.ts';
import { type Case, ok, PART, paid, prepare, records, run, write } from './part-bench.ts';

const failed = (batchId: number, code: string, changes: Partial<Outcome> = {}): Outcome =>
  ok(batchId, {
    status: 'failed',
    answer: null,
    error: { code, message: `${code} in words` },
    contentKey: null,
    payments: [],
    ...changes,
  });

const rowsIn = (work: MemoryStore, table: string) => parquetRows(work.bytes(stagedTableKey(RUN_ID, table, PART)));
const receiptOf = (work: MemoryStore): Receipt => receiptSchema.parse(work.json(receiptKey(RUN_ID, PART)));

const mixed: Case = { records, outcomes: [ok(0), failed(1, 'refusal', { payments: paid({ calls: 0 }) })] };
const names = { run_id: RUN_ID, dataset: 'support', source_key: 'support/july.csv' };

describe('a part', () => {
  test('has a row for every batch, with what became of it', async () => {
    const work = await prepare(mixed);
    await write(work);
    const empty = { group_key: null, level: 0, parent_level: null, parent_batch_id: null };
    const rows = [
      {
        ...{ ...names, ...empty, batch_id: 0n, first_row: 0n, row_count: 2n, rows_failed: 0n, summary: 'summary 0', status: 'ok' },
        ...{ error_code: null, error_message: null, model: 'gpt-6-luna-2026-10-01', service_tier: 'default', finish_reason: 'stop' },
        ...{ prompt_version: '1', input_tokens: 1_000n, output_tokens: 100n, cost_usd: 0.00015, latency_ms: 900n, from_cache: false },
        created_at: new Date(ACCEPTED_AT),
      },
      {
        ...{ ...names, ...empty, batch_id: 1n, first_row: 3n, row_count: 2n, rows_failed: 2n, summary: null, status: 'failed' },
        ...{ error_code: 'refusal', error_message: 'refusal in words', model: null, service_tier: null, finish_reason: null },
        ...{ prompt_version: '1', input_tokens: 1_000n, output_tokens: 100n, cost_usd: 0.00015, latency_ms: null, from_cache: false },
        created_at: null,
      },
      {
        ...{ ...names, ...empty, batch_id: 2n, first_row: 6n, row_count: 1n, rows_failed: 1n, summary: null, status: 'failed' },
        ...{
          error_code: 'no_outcome',
          error_message: expect.stringContaining('without leaving an outcome'),
          model: null,
          service_tier: null,
        },
        ...{ finish_reason: null, prompt_version: null, input_tokens: 0n, output_tokens: 0n, cost_usd: 0, latency_ms: null },
        ...{ from_cache: false, created_at: null },
      },
    ];
    expect(await rowsIn(work, 'batch_summaries')).toEqual(rows);
    expect((await duckDbTable(work.bytes(stagedTableKey(RUN_ID, 'batch_summaries', PART)))).rows).toEqual(rows);
  });

  test('has every row beside the summary of its batch', async () => {
    const work = await prepare(mixed);
    await write(work);
    const row = (rowNumber: number, text: string, batchId: number, fate: object) => ({
      ...{
        ...names,
        group_key: null,
        row_number: BigInt(rowNumber),
        id: `id-${rowNumber}`,
        text,
        truncated: false,
        batch_id: BigInt(batchId),
      },
      ...{ attributes: `{"stars":${rowNumber % 5}.0}`, ...fate },
    });
    const summarized = { summary: 'summary 0', status: 'ok', error_code: null };
    const refused = { summary: null, status: 'failed', error_code: 'refusal' };
    const lost = { summary: null, status: 'failed', error_code: 'no_outcome' };
    const rows = [
      row(0, 'a', 0, summarized),
      row(2, 'b', 0, summarized),
      row(3, 'c', 1, refused),
      row(4, 'd', 1, refused),
      row(6, 'e', 2, lost),
    ];
    expect(await rowsIn(work, 'row_summaries')).toEqual(rows);
    expect((await duckDbTable(work.bytes(stagedTableKey(RUN_ID, 'row_summaries', PART)))).rows).toEqual(rows);
  });

  test('has its rejected rows in a table of their own', async () => {
    const work = await prepare(mixed);
    await write(work);
    expect(await rowsIn(work, 'rejected_rows')).toEqual([
      { ...names, row_number: 1n, line: 3n, reason: 'empty_text', raw: 'raw 1' },
      { ...names, row_number: 5n, line: 7n, reason: 'too_few_fields', raw: 'raw 5' },
    ]);
  });

  test('ends with a receipt of its sums, written after the tables', async () => {
    const work = await prepare(mixed);
    expect(await write(work)).toEqual({ part: PART, receiptKey: receiptKey(RUN_ID, PART) });
    expect(work.writtenKeys).toEqual([
      excerptKey(RUN_ID, PART),
      ...['batch_summaries', 'row_summaries', 'rejected_rows'].map((table) => stagedTableKey(RUN_ID, table, PART)),
      receiptKey(RUN_ID, PART),
    ]);
    expect(receiptOf(work)).toEqual({
      ...{ part: PART, rows: { start: 0, end: 7 }, rowsSummarized: 2, rowsFailed: 3, rowsRejected: 2, rowsSkipped: 0 },
      ...{ firstBatchId: 0, batches: 3, batchesFailed: 2, failures: { refusal: 2, no_outcome: 1 }, calls: 1, callsByAttempt: { 1: 1 } },
      ...{ inputTokens: 2_000, outputTokens: 200, costUsd: 0.0003, tables: ['batch_summaries', 'row_summaries', 'rejected_rows'] },
    });
  });

  test('written again has the same bytes, and no other objects', async () => {
    const work = await prepare(mixed);
    await write(work);
    const keys = work.keys();
    const before = keys.map((key) => work.bytes(key));
    await write(work);
    expect(work.keys()).toEqual(keys);
    expect(keys.filter((key, index) => !work.bytes(key).equals(before[index] as Buffer))).toEqual([]);
  });

  test('of a halted run says of batches without an outcome that the halt came first, and keeps the failures before it', async () => {
    const work = await prepare(mixed);
    await write(work, { stopReason: 'budget_exceeded' });
    const codes = (await rowsIn(work, 'batch_summaries')).map((row) => [row.error_code, row.error_message]);
    expect(codes).toEqual([
      [null, null],
      ['refusal', 'refusal in words'],
      ['halted', 'The run was halted before this batch: budget_exceeded'],
    ]);
    expect(receiptOf(work).failures).toEqual({ refusal: 2, halted: 1 });
  });

  test('of rejected rows alone has no other table', async () => {
    const work = await prepare({ records: [{ reason: 'empty_text' }, { reason: 'empty_text' }], outcomes: [] });
    await write(work);
    expect(receiptOf(work)).toMatchObject({ rows: { start: 0, end: 2 }, rowsRejected: 2, batches: 0, tables: ['rejected_rows'] });
    expect(work.keys('runs/').filter((key) => key.includes('/tables/'))).toEqual([stagedTableKey(RUN_ID, 'rejected_rows', PART)]);
  });

  test('that is not the first has its own rows, batches and rejections only', async () => {
    const work = await prepare({ records: ['a'], outcomes: [] });
    const row = (rowNumber: number) =>
      `${JSON.stringify({ rowNumber, id: 'x', text: 't', groupKey: null, truncated: true, attributes: '{}' })}\n`;
    const batch = {
      batchId: 5,
      level: 0,
      groupKey: null,
      partKey: partKey(RUN_ID, 3),
      start: 0,
      end: 10,
      firstRow: 40,
      rows: 2,
      tokensEstimate: 2,
      parent: null,
    };
    work.seed(partKey(RUN_ID, 3), row(40) + row(41));
    work.seed(partManifestKey(RUN_ID, 3), `${JSON.stringify(batch)}\n`);
    work.seed(rejectedKey(RUN_ID, 3), '');
    work.seed(outcomeKey(RUN_ID, 0, 5), JSON.stringify(ok(5)));
    await writeTables({ run, part: '000003', stopReason: null }, { work });
    expect(work.json(receiptKey(RUN_ID, '000003'))).toMatchObject({ part: '000003', rows: { start: 40, end: 42 }, rowsSummarized: 2 });
    const rows = await parquetRows(work.bytes(stagedTableKey(RUN_ID, 'row_summaries', '000003')));
    expect(rows).toEqual([
      expect.objectContaining({ row_number: 40n, truncated: true, batch_id: 5n, attributes: '{}' }),
      expect.objectContaining({ row_number: 41n }),
    ]);
  });
});

describe('payments', () => {
  test('are counted by the attempt that paid; what was found costs nothing', async () => {
    const work = await prepare({
      records: ['a', 'b', 'c', 'd', 'e', 'f', 'g'],
      outcomes: [
        ok(0),
        ok(1, { payments: [1, 2, 3].flatMap(() => paid({ attempt: 2 })) }),
        ok(2, { payments: [], fromCache: true }),
        failed(3, 'empty', { payments: paid({ attempt: 2, calls: 0 }) }),
      ],
    });
    await write(work);
    expect(receiptOf(work)).toMatchObject({ calls: 4, callsByAttempt: { 1: 1, 2: 3 }, inputTokens: 5_000, outputTokens: 500 });
    expect(receiptOf(work).costUsd).toBeCloseTo(0.00075, 12);
    const [, , cached] = await rowsIn(work, 'batch_summaries');
    expect(cached).toMatchObject({ from_cache: true, input_tokens: 0n, cost_usd: 0, summary: 'summary 2' });
  });

  test('of an unknown price make the sum unknown', async () => {
    const work = await prepare({ records: ['a', 'b', 'c'], outcomes: [ok(0), ok(1, { payments: paid({ costUsd: null }) })] });
    await write(work);
    expect(receiptOf(work)).toMatchObject({ calls: 2, inputTokens: 2_000, costUsd: null });
    expect((await rowsIn(work, 'batch_summaries')).map((row) => row.cost_usd)).toEqual([0.00015, null]);
  });
});
