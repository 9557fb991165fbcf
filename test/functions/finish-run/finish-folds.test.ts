import { describe, expect, test } from '@jest/globals';
import { claimAttempt } from '../../../functions/shared/attempt.ts';
import {
  LEVELS_PART,
  manifestKey,
  outcomeKey,
  partName,
  partsKey,
  receiptKey,
  stagedTableKey,
  tableKey,
} from '../../../functions/shared/object-keys.ts';
import type { Outcome } from '../../../functions/shared/outcome.ts';
import { ACCEPTED_AT, RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { parquetRows } from '../write-tables/parquet-content.ts';
import { DATE, type Fate, type FinishBench, openBench, RUNS_KEY, rowCounts } from './finish-bench.ts';

/** Three summaries a fold: batches 0 to 2 are folded at level 1, batch 3 goes into the root as it is. */
const run = sampleRun({ settings: { batchRows: 1, rollUp: true, maxBatchTokens: 1_000 } });
const FOLDS = [
  [1, 0],
  [2, 0],
] as const;

const outcomeOf = (level: number, attempt: number, changes: Partial<Outcome> = {}): Outcome => ({
  ...{ batchId: 0, level, attempt, tries: 1, status: 'ok', error: null, failedRows: [], rowsFailed: 0, fromCache: false },
  ...{ promptVersion: '1', contentKey: null },
  answer: {
    text: `fold ${level} of ${attempt}`,
    finishReason: 'stop',
    model: 'm',
    serviceTier: null,
    latencyMs: 1,
    createdAt: ACCEPTED_AT,
  },
  payments: [{ answerId: `${level}-${attempt}`, attempt, calls: 1, inputTokens: 10, outputTokens: 1, costUsd: 0.01 }],
  ...changes,
});
const failure: Partial<Outcome> = { status: 'failed', answer: null, error: { code: 'content_filter', message: 'x' }, payments: [] };

/** A run whose batches of rows are summarized, and its folds with what changes them; null where a fold has no outcome. */
async function openFolded(folds: readonly (Partial<Outcome> | null)[] = [{}, {}], fates: readonly Fate[] = ['ok', 'ok', 'ok', 'ok']) {
  const bench = await openBench({ run, fates });
  foldAgain(bench, folds, 1);
  return bench;
}

function foldAgain(bench: FinishBench, folds: readonly (Partial<Outcome> | null)[], attempt: number) {
  for (const [index, [level, batchId]] of FOLDS.entries()) {
    const changes = folds[index];
    if (changes) bench.work.seed(outcomeKey(RUN_ID, level, batchId), JSON.stringify(outcomeOf(level, attempt, changes)));
  }
}

describe('a run that was rolled up', () => {
  test('has the text and the key of its root, its levels and every call', async () => {
    const bench = await openFolded();
    await bench.write();
    expect(await bench.finish()).toMatchObject({ status: 'complete', stopReason: null });
    expect(bench.record()).toMatchObject({
      ...{ summary: 'fold 2 of 1', summary_key: outcomeKey(RUN_ID, 2, 0), levels: 3, batches: 4, calls: 6, calls_this_attempt: 6 },
      ...{ input_tokens: 4_020, output_tokens: 402, cost_usd: 1.02 },
    });
    expect(bench.results.keys(`tables/batch_summaries/dt=${DATE}/`)).toEqual([
      tableKey('batch_summaries', DATE, RUN_ID, partName(0)),
      tableKey('batch_summaries', DATE, RUN_ID, LEVELS_PART),
    ]);
  });

  test('of a single batch has that for its root', async () => {
    const bench = await openBench({ run, records: ['a', { reason: 'empty_text' }], fates: ['ok'] });
    await bench.write();
    expect(await bench.finish()).toMatchObject({ status: 'complete' });
    expect(bench.record()).toMatchObject({ summary: 'the customer said', summary_key: outcomeKey(RUN_ID, 0, 0), levels: 1, calls: 1 });
  });

  test('of a single batch that failed has no root', async () => {
    const bench = await openBench({ run, records: ['a'], fates: ['refusal'] });
    await bench.write();
    expect(await bench.finish()).toMatchObject({ status: 'failed' });
    expect(bench.record()).toMatchObject({ summary: null, summary_key: null, levels: 1 });
  });

  const partial = (rowsFailed: number): Partial<Outcome> => ({
    status: 'partial',
    rowsFailed,
    error: { code: 'incomplete', message: 'x' },
  });
  test.each<[string, (Partial<Outcome> | null)[], Fate[], string, string | null, string | null]>([
    [
      'a merge left a summary out',
      [partial(1), partial(1)],
      ['ok', 'ok', 'ok', 'ok'],
      'partial',
      'summaries of summaries that lack some of theirs: 2',
      'fold 2 of 1',
    ],
    ['the root failed', [{}, failure], ['ok', 'ok', 'ok', 'ok'], 'partial', 'summaries of summaries that lack some of theirs: 1', null],
    [
      'a fold was lost',
      [null, partial(3)],
      ['ok', 'ok', 'ok', 'ok'],
      'partial',
      'summaries of summaries that lack some of theirs: 2',
      'fold 2 of 1',
    ],
    [
      'a row failed and the folds say so',
      [partial(1), partial(1)],
      ['ok', 'refusal', 'ok', 'ok'],
      'partial',
      'failed rows by reason: refusal: 1',
      'fold 2 of 1',
    ],
    [
      'every row failed',
      [failure, failure],
      ['a', 'a', 'a', 'a'],
      'failed',
      'No row could be summarized; failed rows by reason: a: 4',
      null,
    ],
  ])('%s', async (_, folds, fates, status, stopReason, summary) => {
    const bench = await openFolded(folds, fates);
    await bench.write();
    expect(await bench.finish()).toMatchObject({ status, stopReason });
    expect(bench.record()).toMatchObject({ summary, levels: 3 });
  });

  test('notes what its root stands for where it lacks rows that have a summary, and only then', async () => {
    const notesOf = async (rowsFailed: number, fates: readonly Fate[]) => {
      const bench = await openFolded([partial(rowsFailed), partial(rowsFailed)], fates);
      await bench.write();
      await bench.finish();
      return JSON.parse(String(bench.record().notes));
    };
    expect(await notesOf(3, ['ok', 'ok', 'ok', 'ok'])).toEqual([
      'A note.',
      'The summary of all stands for 1 of 4 rows; those of the others could not be folded into it.',
    ]);
    expect(await notesOf(1, ['ok', 'refusal', 'ok', 'ok'])).toEqual(['A note.']);
  });

  test('and was halted among its folds is halted, without a root; the next attempt completes it and pays only for the rest', async () => {
    const bench = await openFolded([{}, null]);
    await bench.write(1, 'budget_exceeded');
    expect(await bench.finish({ stopReason: 'budget_exceeded' })).toMatchObject({ status: 'halted', stopReason: 'budget_exceeded' });
    expect(bench.record()).toMatchObject({ summary: null, summary_key: null, calls: 5, rows_failed: 0 });
    const levels = await parquetRows(bench.results.bytes(tableKey('batch_summaries', DATE, RUN_ID, LEVELS_PART)));
    expect(levels).toEqual([
      expect.objectContaining({ level: 1, batch_id: 0n, parent_level: 2, parent_batch_id: 0n, status: 'ok' }),
      expect.objectContaining({
        level: 2,
        batch_id: 0n,
        parent_level: null,
        status: 'failed',
        error_code: 'halted',
        row_count: 4n,
        rows_failed: 4n,
      }),
    ]);

    await claimAttempt(bench.work, RUN_ID, { attempt: 2, owner: 'b', acceptedAt: '2026-12-24T00:00:00.000Z', settings: run.settings });
    const { payments } = outcomeOf(1, 1);
    foldAgain(bench, [{ payments }, {}], 2);
    await bench.write(2);
    expect(await bench.finish({ attempt: 2 })).toMatchObject({ status: 'complete' });
    expect(bench.record()).toMatchObject({ summary: 'fold 2 of 2', calls: 6, calls_this_attempt: 1, started_at: ACCEPTED_AT });
    // On another day it replaces what it had shown, under the date of the first.
    expect(bench.results.keys('tables/').every((key) => key.includes(`/dt=${DATE}/`))).toBe(true);
    expect(bench.results.keys('tables/')).toHaveLength(5);
  });
});

describe('a ledger whose batches or folds do not close', () => {
  const change = (key: string, from: string | RegExp, to: string) => async (bench: FinishBench) => {
    const text = bench.work.text(key);
    expect(text.replace(from, to)).not.toBe(text);
    bench.work.seed(key, text.replace(from, to));
  };
  const remove = (key: string) => async (bench: FinishBench) => bench.work.delete([key]);
  const rows = receiptKey(RUN_ID, partName(0));
  const levels = receiptKey(RUN_ID, LEVELS_PART);

  test.each<[string, (bench: FinishBench) => Promise<void>, string]>([
    ['the levels have no receipt', remove(levels), 'Part levels has no receipt'],
    ['the levels are not listed', change(partsKey(RUN_ID), `{"part":"levels"}\n`, ''), 'There is no receipt of the levels above 0'],
    ['the levels are listed twice', change(partsKey(RUN_ID), /$/, '{"part":"levels"}\n'), 'Part levels is listed twice'],
    ['a part is listed twice', change(partsKey(RUN_ID), /^/, '{"part":"000000"}\n'), 'Part 000000 is listed twice'],
    ['a part is not listed', change(partsKey(RUN_ID), `{"part":"000000"}\n`, ''), 'The receipts end at row 0, the upload has 5 rows'],
    ['a part too many is listed', change(partsKey(RUN_ID), /^/, '{"part":"000001"}\n'), 'Part 000001 has no receipt'],
    ['the list of parts is gone', remove(partsKey(RUN_ID)), 'The list of parts is missing or broken'],
    ['the list of parts is no JSON', change(partsKey(RUN_ID), '{', '('), 'The list of parts is missing or broken'],
    ['the list of parts has other lines', change(partsKey(RUN_ID), '"part"', '"prat"'), 'The list of parts is missing or broken'],
    ['a receipt is cut short', change(rows, /.{9}$/, ''), 'The receipt of part 000000 is broken'],
    ['a receipt lacks a count', change(rows, '"rowsFailed":0,', ''), 'The receipt of part 000000 is broken'],
    ['a receipt is that of another part', change(rows, '"part":"000000"', '"part":"000001"'), 'The receipt of part 000000 is broken'],
    ['a receipt has a batch less', change(rows, '"batches":4', '"batches":3'), 'The receipts have 3 batches, 4 were planned'],
    ['a receipt starts at another batch', change(rows, '"firstBatchId":0', '"firstBatchId":1'), 'starts at batch 1, not at batch 0'],
    [
      'a rejected row counts as failed',
      change(rows, /"rowsFailed":0,"rowsRejected":1/, '"rowsFailed":1,"rowsRejected":0'),
      'planning rejected 1',
    ],
    ['a fold is missing', change(levels, '"folds":2', '"folds":1'), 'The receipts have 1 folds on 3 levels, 2 on 3 were planned'],
    ['a level is missing', change(levels, '"levels":3', '"levels":2'), 'The receipts have 2 folds on 2 levels, 2 on 3 were planned'],
    ['a table is gone', remove(stagedTableKey(RUN_ID, 'row_summaries', partName(0))), 'Part 000000 has a receipt and no row_summaries'],
    [
      'the table of the levels is gone',
      remove(stagedTableKey(RUN_ID, 'batch_summaries', LEVELS_PART)),
      'Part levels has a receipt and no batch_summaries',
    ],
  ])('%s: the run is failed, its tables stay hidden', async (_, damage, reason) => {
    const bench = await openFolded();
    await bench.write();
    await damage(bench);
    const { status, stopReason } = await bench.finish();
    expect(stopReason).toMatch(/^The ledger does not close: /);
    expect(stopReason).toContain(reason);
    expect(status).toBe('failed');
    expect(bench.results.keys('tables/')).toEqual([RUNS_KEY]);
    expect(rowCounts(bench.record())).toEqual({ rows_in: 5, rows_summarized: 0, rows_failed: 4, rows_rejected: 1, rows_skipped: 0 });
    // What was paid stays paid, and no root is shown that stands for nothing.
    expect(bench.record()).toMatchObject({ calls: 6, summary: null, summary_key: null });
    expect(bench.events.events.map(({ type }) => type)).toEqual(['Run Failed']);
  });

  test.each<[string, (bench: FinishBench) => Promise<void>, string]>([
    ['a fold that was planned is missing', change(manifestKey(RUN_ID, 1), /^.*\n/, ''), 'folds_missing_or_doubled'],
    ['a fold stands twice', change(manifestKey(RUN_ID, 2), /^(.*\n)/, '$1$1'), 'folds_missing_or_doubled'],
    ['a fold has another number', change(manifestKey(RUN_ID, 1), '"batchId":0', '"batchId":1'), 'folds_missing_or_doubled'],
    ['a fold is of another level', change(manifestKey(RUN_ID, 1), '"level":1', '"level":2'), 'folds_missing_or_doubled'],
  ])('%s: the levels get no receipt', async (_, damage, code) => {
    const bench = await openFolded();
    await damage(bench);
    await expect(bench.write()).rejects.toMatchObject({ name: 'LedgerError', code });
    expect(bench.work.keys(receiptKey(RUN_ID, LEVELS_PART))).toEqual([]);
  });
});
