import { describe, expect, test } from '@jest/globals';
import { type Batch, type Rejection, type Run, writeTablesOutput } from '../../../functions/shared/contract.ts';
import {
  excerptKey,
  outcomeKey,
  partKey,
  partManifestKey,
  receiptKey,
  rejectedKey,
  stagedTableKey,
} from '../../../functions/shared/object-keys.ts';
import type { Outcome, Payment } from '../../../functions/shared/outcome.ts';
import { type Receipt, receiptSchema } from '../../../functions/shared/receipt.ts';
import { writeTables } from '../../../functions/write-tables/write-tables.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { ACCEPTED_AT, planSample, RUN_ID, type SampleRecord, sampleRun } from '../../fakes/sample-run.ts';
import { duckDbTable, parquetRows } from './parquet-content.ts';

const PART = '000000';
const run = sampleRun({ settings: { batchRows: 2 } });
const paid = (changes: Partial<Payment> = {}): Payment[] => [
  { answerId: 'one', attempt: 1, calls: 1, inputTokens: 1_000, outputTokens: 100, costUsd: 0.00015, ...changes },
];

const ok = (batchId: number, changes: Partial<Outcome> = {}): Outcome => ({
  ...{
    batchId,
    level: 0,
    attempt: 1,
    status: 'ok',
    error: null,
    tries: 1,
    payments: paid(),
    failedRows: [],
    rowsFailed: 0,
    fromCache: false,
    promptVersion: '1',
    contentKey: 'content',
  },
  answer: {
    ...{ text: `summary ${batchId}`, finishReason: 'stop', model: 'gpt-6-luna-2026-10-01', serviceTier: 'default' },
    ...{ latencyMs: 900, createdAt: ACCEPTED_AT },
  },
  ...changes,
});
const failed = (batchId: number, code: string, changes: Partial<Outcome> = {}): Outcome =>
  ok(batchId, {
    status: 'failed',
    answer: null,
    error: { code, message: `${code} in words` },
    contentKey: null,
    payments: [],
    ...changes,
  });

interface Case {
  records: readonly SampleRecord[];
  outcomes: readonly Outcome[];
  stopReason?: string | null;
  of?: Run;
}

async function prepare({ records, outcomes, of = run }: Case): Promise<MemoryStore> {
  const work = new MemoryStore('work');
  await planSample(work, of, records);
  for (const outcome of outcomes) work.seed(outcomeKey(RUN_ID, 0, outcome.batchId), JSON.stringify(outcome));
  work.operations.length = 0;
  return work;
}

const write = async (work: MemoryStore, { stopReason = null, of = run }: Partial<Case> = {}) =>
  writeTablesOutput.parse(await writeTables({ run: of, part: PART, stopReason }, { work }));

const rowsIn = (work: MemoryStore, table: string) => parquetRows(work.bytes(stagedTableKey(RUN_ID, table, PART)));
const receiptOf = (work: MemoryStore): Receipt => receiptSchema.parse(work.json(receiptKey(RUN_ID, PART)));

const records: SampleRecord[] = ['a', { reason: 'empty_text' }, 'b', 'c', 'd', { reason: 'too_few_fields' }, 'e'];
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

describe('a part whose rows do not add up writes no receipt', () => {
  const changeRows = (change: (lines: string[]) => string[]) => (work: MemoryStore) =>
    work.seed(
      partKey(RUN_ID, 0),
      change(work.text(partKey(RUN_ID, 0)).trimEnd().split('\n'))
        .map((line) => `${line}\n`)
        .join(''),
    );
  const changeRejections = (change: (rejections: Rejection[]) => Rejection[]) => (work: MemoryStore) =>
    work.seed(
      rejectedKey(RUN_ID, 0),
      change(work.jsonLines<Rejection>(rejectedKey(RUN_ID, 0)))
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
    );
  const changeBatches = (change: (batches: Batch[]) => Batch[]) => (work: MemoryStore) =>
    work.seed(
      partManifestKey(RUN_ID, 0),
      change(work.jsonLines<Batch>(partManifestKey(RUN_ID, 0)))
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
    );
  const ledgerError = { name: 'LedgerError', code: 'row_numbers_broken' };
  const differ = { name: 'InvalidBatchError', code: 'staged_rows_differ' };

  test.each([
    ['a row is missing', changeRows((lines) => lines.toSpliced(3, 1)), ledgerError],
    ['a row is doubled', changeRows((lines) => lines.toSpliced(3, 0, lines[3] as string)), ledgerError],
    ['rows are in another order', changeRows(([first, second, ...lines]) => [second as string, first as string, ...lines]), undefined],
    ['the last row is missing', changeRows((lines) => lines.slice(0, -1)), differ],
    ['a rejection is missing', changeRejections((rejections) => rejections.slice(1)), ledgerError],
    ['a rejection is doubled', changeRejections(([first, ...rest]) => [first as Rejection, first as Rejection, ...rest]), ledgerError],
    [
      'a row is rejected too',
      changeRejections((rejections) => rejections.map((one, index) => (index ? { ...one, rowNumber: 4 } : one))),
      ledgerError,
    ],
    [
      'a batch counts a row more',
      changeBatches((batches) => batches.map((one) => ({ ...one, rows: one.batchId === 1 ? 3 : one.rows }))),
      differ,
    ],
    [
      'a batch counts a row less',
      changeBatches((batches) => batches.map((one) => ({ ...one, rows: one.batchId === 1 ? 1 : one.rows }))),
      differ,
    ],
    ['a batch starts at another row', changeBatches((batches) => batches.map((one) => ({ ...one, firstRow: one.firstRow + 1 }))), differ],
    ['a batch is missing', changeBatches((batches) => batches.slice(0, -1)), differ],
    ['there is no batch', changeBatches(() => []), differ],
    ['there is a batch more', changeBatches((batches) => [...batches, { ...(batches[0] as Batch), batchId: 9, firstRow: 7 }]), differ],
  ])('%s', async (_, damage, error) => {
    const work = await prepare({ records, outcomes: [ok(0), ok(1), ok(2)] });
    damage(work);
    await expect(write(work)).rejects.toMatchObject(error ?? { name: expect.stringMatching(/LedgerError|InvalidBatchError/) });
    expect(work.writtenKeys).toEqual([]);
  });
});
