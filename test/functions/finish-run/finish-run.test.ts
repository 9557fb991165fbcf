import { describe, expect, test } from '@jest/globals';
import { closeAttempt, readClosedAttempt } from '../../../functions/shared/attempt.ts';
import { partName, planKey, receiptKey, reportKey, tableKey } from '../../../functions/shared/object-keys.ts';
import { writeRefusal } from '../../../functions/shared/refusal.ts';
import { tables } from '../../../functions/shared/tables.ts';
import { ACCEPTED_AT, RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { parquetRows } from '../write-tables/parquet-content.ts';
import { DATE, openBench, RUNS_KEY, rowCounts } from './finish-bench.ts';

const fileOf = (table: string, part = 0) => tableKey(table, DATE, RUN_ID, partName(part));
const published = ['batch_summaries', 'rejected_rows', 'row_summaries'].map((table) => fileOf(table));

describe('a run that came to its end', () => {
  test('is complete: its row of runs', async () => {
    const bench = await openBench();
    await bench.write();
    expect(await bench.finish()).toEqual({ runId: RUN_ID, status: 'complete', stopReason: null });
    const finishedAt = bench.clock.now();
    const row = {
      ...{
        run_id: RUN_ID,
        dataset: 'support',
        source_key: 'support/july.csv',
        source_version: 'v1',
        status: 'complete',
        stop_reason: null,
      },
      ...{ notes: '["A note."]', row_limit: null, rows_in: 5, rows_summarized: 4, rows_failed: 0, rows_rejected: 1, rows_skipped: 0 },
      ...{ groups: null, batches: 4, batches_failed: 0, levels: 1, calls: 4, input_tokens: 4_000, output_tokens: 400, cost_usd: 1 },
      ...{ claims: null, claims_dropped_share: null, citations_dropped_share: null },
      ...{ calls_this_attempt: 4, estimated_cost_usd: 0.25, summary: null, summary_key: null, model: 'gpt-6-luna' },
      settings: JSON.stringify(bench.run.settings),
    };
    expect(bench.record()).toEqual({ ...row, started_at: ACCEPTED_AT, finished_at: new Date(finishedAt).toISOString() });
    const bigints = tables.runs.columns
      .filter(({ type }) => type === 'bigint')
      .map(({ name }) => [name, row[name as 'calls'] === null ? null : BigInt(row[name as 'calls'])]);
    expect(await bench.runsRow()).toEqual({
      ...row,
      ...Object.fromEntries(bigints),
      ...{ started_at: new Date(ACCEPTED_AT), finished_at: new Date(finishedAt) },
    });
  });

  test('shows its tables first and its row of runs last', async () => {
    const bench = await openBench();
    bench.results.seed(RUNS_KEY, 'the row of an earlier attempt');
    await bench.write();
    await bench.finish();
    const changes = bench.results.operations.filter((line) => !line.startsWith('list'));
    expect(changes.slice(0, 2)).toEqual([`delete ${RUNS_KEY}`, `delete ${reportKey(RUN_ID)}`]);
    expect(changes.slice(2, -2).toSorted()).toEqual(published.map((key) => `copy ${key}`));
    expect(changes.slice(-2)).toEqual([`put ${reportKey(RUN_ID)}`, `put ${RUNS_KEY}`]);
    expect(bench.results.keys('tables/')).toEqual([...published, RUNS_KEY].toSorted());
  });

  test('closes its attempt after everything else', async () => {
    const bench = await openBench();
    await bench.write();
    await bench.finish();
    expect(bench.work.writtenKeys.map((key) => key.split('/').at(-1))).toEqual([
      '1.ending.json',
      'run.json',
      `${RUN_ID}-1-complete.json`,
      '1.closed.json',
    ]);
    expect(await readClosedAttempt(bench.work, RUN_ID, 1)).toEqual({
      status: 'complete',
      closedAt: new Date(bench.clock.now()).toISOString(),
      rows: { read: 5, summarized: 4, rejected: 1 },
    });
  });

  test.each([
    ['partial', ['ok', 'empty', 'ok', null], 100, { rows_summarized: 2, rows_failed: 2 }, 'failed rows by reason: empty: 1, no_outcome: 1'],
    ['partial', ['ok', 'empty', 'ok', 'ok'], 25, { rows_summarized: 3, rows_failed: 1 }, 'failed rows by reason: empty: 1'],
    ['failed', ['ok', 'empty', 'ok', 'ok'], 24, { rows_summarized: 3, rows_failed: 1 }, '25.0 % of the rows failed, 24 % are tolerated'],
    ['failed', ['empty', 'empty', 'empty', 'empty'], 100, { rows_summarized: 0, rows_failed: 4 }, 'No row could be summarized'],
  ])('is %s where batches ended %p and %d %% are tolerated', async (status, fates, toleratedFailurePercentage, counts, reason) => {
    const run = sampleRun({ settings: { batchRows: 1, toleratedFailurePercentage } });
    const bench = await openBench({ run, fates });
    await bench.write();
    expect(await bench.finish()).toMatchObject({ status, stopReason: expect.stringContaining(reason) });
    expect(rowCounts(bench.record())).toEqual({ rows_in: 5, rows_rejected: 1, rows_skipped: 0, ...counts });
    // Whatever the verdict, what was done is shown.
    expect(bench.results.keys('tables/')).toEqual([...published, RUNS_KEY].toSorted());
  });

  test('by a halt has what was done until then, and the reason', async () => {
    const bench = await openBench({ fates: ['ok', null, null, null] });
    await bench.write(1, 'budget_exceeded');
    expect(await bench.finish({ stopReason: 'budget_exceeded' })).toMatchObject({ status: 'halted', stopReason: 'budget_exceeded' });
    expect(rowCounts(bench.record())).toMatchObject({ rows_in: 5, rows_summarized: 1, rows_failed: 3, rows_rejected: 1 });
    expect(await parquetRows(bench.results.bytes(fileOf('row_summaries')))).toHaveLength(4);
    expect(bench.events.events.map(({ type }) => type)).toEqual(['Run Halted']);
  });

  test('by a halt that came when all was done is complete', async () => {
    const bench = await openBench();
    await bench.write(1, 'interrupted');
    expect(await bench.finish({ stopReason: 'interrupted' })).toMatchObject({ status: 'complete', stopReason: null });
  });

  test('at the offline endpoint names the model that answered', async () => {
    const bench = await openBench({ run: sampleRun({ endpoint: 'offline', settings: { batchRows: 1 } }) });
    await bench.write();
    await bench.finish();
    expect(bench.record().model).toBe('offline-extractive');
  });
});

describe('a run that ended early', () => {
  test('before its plan has a row, no tables and no counts', async () => {
    const bench = await openBench();
    await bench.work.delete([planKey(RUN_ID)]);
    expect(await bench.finish({ failure: 'States.Timeout' })).toEqual({
      ...{ runId: RUN_ID, status: 'failed', stopReason: 'The workflow ended early: States.Timeout' },
    });
    expect(rowCounts(bench.record())).toEqual({ rows_in: 0, rows_summarized: 0, rows_failed: 0, rows_rejected: 0, rows_skipped: 0 });
    expect(bench.record()).toMatchObject({ started_at: ACCEPTED_AT, levels: 0, notes: '[]', estimated_cost_usd: null });
    expect(bench.results.keys('tables/')).toEqual([RUNS_KEY]);
    expect(bench.log.lines).toEqual([{ level: 'warn', message: 'run failed', fields: { failure: 'States.Timeout' } }]);
  });

  test('after its plan counts every staged row as failed', async () => {
    const bench = await openBench();
    await bench.finish({ failure: 'ResultConflictError' });
    expect(bench.record()).toMatchObject({ status: 'failed', batches: 4, batches_failed: 4, levels: 0 });
    expect(rowCounts(bench.record())).toEqual({ rows_in: 5, rows_summarized: 0, rows_failed: 4, rows_rejected: 1, rows_skipped: 0 });
  });

  test('long ago, its attempt closed as aborted by the next one, is left alone', async () => {
    const bench = await openBench();
    await closeAttempt(bench.work, RUN_ID, 1, { status: 'aborted', closedAt: ACCEPTED_AT });
    expect(await bench.finish({ failure: 'TIMED_OUT' })).toMatchObject({ status: 'failed' });
    expect(bench.results.keys()).toEqual([]);
    expect(bench.events.events).toEqual([]);
  });

  test('because its upload was refused says so in the words for its owner; listeners get none of them', async () => {
    const bench = await openBench();
    await bench.work.delete([planKey(RUN_ID)]);
    await writeRefusal(bench.work, RUN_ID, { reason: 'july.csv is a PDF, said the customer.', origin: 'upload', code: 'pdf' });
    expect(await bench.finish({ failure: 'InvalidUploadError' })).toMatchObject({ status: 'rejected' });
    expect(await bench.runsRow()).toMatchObject({ status: 'rejected', stop_reason: 'july.csv is a PDF, said the customer.', rows_in: 0n });
    expect(bench.events.events.map(({ type, detail }) => [type, detail.stopCode])).toEqual([['Upload Rejected', 'pdf']]);
    expect(JSON.stringify([bench.events.events, bench.log.lines])).not.toContain('customer');
  });

  test('after its own end is left alone by the rule', async () => {
    const bench = await openBench();
    await bench.write();
    await bench.finish();
    const before = bench.results.bytes(RUNS_KEY);
    expect(await bench.finish({ failure: 'TIMED_OUT' })).toMatchObject({ status: 'complete' });
    expect(bench.results.bytes(RUNS_KEY)).toEqual(before);
  });

  test('halted before there was a plan is halted', async () => {
    const bench = await openBench();
    await bench.work.delete([planKey(RUN_ID)]);
    // There are no parts whose tables could be written: that state fails, for no other reason.
    expect(await bench.finish({ stopReason: 'interrupted', failure: 'States.ItemReaderFailed' })).toMatchObject({
      ...{ status: 'halted', stopReason: 'interrupted' },
    });
  });
});

describe('a ledger that does not close', () => {
  test.each([
    ['a receipt is missing', (receipt: string): string | undefined => (receipt ? undefined : ''), 'Part 000000 has no receipt'],
    ['a receipt ends early', (receipt: string) => receipt.replace('"end":5', '"end":4'), 'accounts for 5'],
    ['a receipt counts a row less', (receipt: string) => receipt.replace('"rowsSummarized":4', '"rowsSummarized":3'), 'accounts for 4'],
  ])('%s: the run is failed, its tables stay hidden', async (_, damage, reason) => {
    const bench = await openBench();
    await bench.write();
    const key = receiptKey(RUN_ID, partName(0));
    const damaged = damage(bench.work.text(key));
    if (damaged === undefined) await bench.work.delete([key]);
    else bench.work.seed(key, damaged);
    const { status, stopReason } = await bench.finish();
    expect(status).toBe('failed');
    expect(stopReason).toMatch(/^The ledger does not close: /);
    expect(stopReason).toContain(reason);
    expect(bench.results.keys('tables/')).toEqual([RUNS_KEY]);
    expect(rowCounts(bench.record())).toEqual({ rows_in: 5, rows_summarized: 0, rows_failed: 4, rows_rejected: 1, rows_skipped: 0 });
  });

  test('a store that fails is no such ledger: the step is tried again', async () => {
    const bench = await openBench();
    await bench.write();
    bench.work.crashBefore(/receipts/, { operation: 'get' });
    await expect(bench.finish()).rejects.toMatchObject({ name: 'CrashError' });
    expect(bench.results.keys()).toEqual([]);
    expect(await bench.finish()).toMatchObject({ status: 'complete' });
  });
});

describe('finishing again', () => {
  test('a closed attempt changes nothing and tells nobody', async () => {
    const bench = await openBench({ fates: ['ok', 'empty', 'ok', 'ok'] });
    await bench.write();
    const { status } = await bench.finish();
    const [written, published] = [bench.work.operations.length, bench.results.operations.length];
    bench.clock.advance(100);
    expect(await bench.finish()).toMatchObject({ runId: RUN_ID, status });
    expect(bench.work.writtenKeys.length).toBe(bench.work.operations.slice(0, written).filter((line) => /^put/.test(line)).length);
    expect(bench.results.operations).toHaveLength(published);
    expect(bench.events.events).toHaveLength(1);
  });

  test('after a crash at any change ends the same: one row, the same tables, the same event', async () => {
    const reference = await openBench();
    await reference.write();
    await reference.finish();
    const changes = reference.results.operations.filter((line) => !line.startsWith('list'));
    for (let nth = 1; nth <= changes.length; nth++) {
      // A report that cannot be written stops nothing: see report.test.ts.
      if (changes[nth - 1] === `put ${reportKey(RUN_ID)}`) continue;
      const bench = await openBench();
      await bench.write();
      if (nth % 2) bench.results.crashAfter(/./, { nth });
      else bench.results.crashBefore(/./, { nth });
      await expect(bench.finish()).rejects.toMatchObject({ name: 'CrashError' });
      await bench.finish();
      expect(bench.results.keys()).toEqual(reference.results.keys());
      expect(bench.results.keys().filter((key) => !bench.results.bytes(key).equals(reference.results.bytes(key)))).toEqual([]);
      expect(bench.events.events).toEqual(reference.events.events);
    }
  });

  test('after a crash before the attempt was closed publishes the very same event', async () => {
    const bench = await openBench();
    await bench.write();
    bench.work.crashBefore(/closed/);
    await expect(bench.finish()).rejects.toMatchObject({ name: 'CrashError' });
    await bench.finish();
    expect(bench.events.events).toHaveLength(2);
    expect(bench.events.events[1]).toEqual(bench.events.events[0]);
  });
});
