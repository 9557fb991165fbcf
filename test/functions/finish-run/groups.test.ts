import { describe, expect, test } from '@jest/globals';
import { finishRun } from '../../../functions/finish-run/finish-run.ts';
import type { Batch } from '../../../functions/shared/contract.ts';
import { noMetrics } from '../../../functions/shared/metrics.ts';
import {
  groupsKey,
  LEVELS_PART,
  manifestKey,
  outcomeKey,
  partKey,
  partName,
  partsKey,
  receiptKey,
  runRecordKey,
  skippedKey,
  stagedTableKey,
} from '../../../functions/shared/object-keys.ts';
import type { Outcome } from '../../../functions/shared/outcome.ts';
import { writeTables } from '../../../functions/write-tables/write-tables.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RecordingEventSink } from '../../fakes/recording-event-sink.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { ACCEPTED_AT, planSample, RUN_ID, type SampleRecord, sampleRun } from '../../fakes/sample-run.ts';
import { FakeClock } from '../../local/workflow/fake-clock.ts';
import { parquetRows } from '../write-tables/parquet-content.ts';

/** Two rows a batch, three summaries a fold; a group of one row is left out. */
const run = sampleRun({
  settings: { ...{ batchRows: 2, rollUp: true, maxBatchTokens: 1_000, groupColumn: 'product', minGroupRows: 2 } },
});

/** Rows of the groups in turn: a has 9 rows, b 2, the empty one 3, c 1. */
const order = ['a', 'b', '', 'a', 'c', 'a', '', 'a', 'b', 'a', 'a', '', 'a', 'a', 'a'];
const records: SampleRecord[] = [
  ...order.map((groupKey, row) => ({ text: `text ${row}`, groupKey })),
  ...[{ reason: 'empty_text' as const }, { reason: 'group_key_too_long' as const }],
];
/** 2 batches of '', 5 of a, 1 of b; folds: 1 of '', 2 of a on level 1 and 1 on level 2, 1 of the three roots. */
const folds = [3, 1, 1];

const costOf = ({ level, batchId }: Batch) => 2 ** (level * 10 + batchId) / 1024 ** 3;

function outcomeOf(batch: Batch, changes: Partial<Outcome> = {}): Outcome {
  const { level, batchId } = batch;
  return {
    ...{ batchId, level, attempt: 1, tries: 1, status: 'ok', error: null, failedRows: [], rowsFailed: 0, fromCache: false },
    ...{ promptVersion: '1', contentKey: null },
    answer: { text: `${level}/${batchId}`, finishReason: 'stop', model: 'm', serviceTier: null, latencyMs: 1, createdAt: ACCEPTED_AT },
    payments: [{ answerId: 'one', attempt: 1, calls: 1, inputTokens: 10, outputTokens: 1, costUsd: costOf(batch) }],
    ...changes,
  };
}

async function prepare(changesOf: (batch: Batch) => Partial<Outcome> | null = () => ({}), changed = {}) {
  const work = new MemoryStore('work');
  const results = new MemoryStore('results');
  const of = { ...run, settings: { ...run.settings, ...changed } };
  const batches = await planSample(work, of, records);
  const levels = work.keys().filter((key) => /level-[1-9]\/batches/.test(key));
  const all = [...batches, ...levels.flatMap((key) => work.jsonLines<Batch>(key))];
  for (const batch of all) {
    const changes = changesOf(batch);
    if (changes) work.seed(outcomeKey(RUN_ID, batch.level, batch.batchId), JSON.stringify(outcomeOf(batch, changes)));
  }
  const write = async (stopReason: string | null = null) => {
    for (const { part } of work.jsonLines<{ part: string }>(partsKey(RUN_ID))) await writeTables({ run: of, part, stopReason }, { work });
  };
  const finish = (stopReason: string | null = null) =>
    finishRun(
      { run: of, stopReason, failure: null },
      { work, results, events: new RecordingEventSink(), clock: new FakeClock(), log: new RecordingLog(), metrics: noMetrics },
    );
  const record = () => work.json<Record<string, unknown>>(runRecordKey(RUN_ID));
  const table = (name: string, part: string) => parquetRows(work.bytes(stagedTableKey(RUN_ID, name, part)));
  const groups = async () =>
    (await table('group_summaries', LEVELS_PART)).toSorted((one, other) => (String(one.group_key) < String(other.group_key) ? -1 : 1));
  return { work, all, write, finish, record, table, groups };
}

const costs = (all: readonly Batch[], groupKey: string | null) =>
  all.filter((batch) => batch.groupKey === groupKey).reduce((sum, batch) => sum + costOf(batch), 0);

describe('a grouped run', () => {
  test('has a row for each group with its root, its rows and exactly what was paid for it', async () => {
    const { all, write, finish, record, groups } = await prepare();
    expect([1, 2, 3].map((level) => all.filter((batch) => batch.level === level).length)).toEqual(folds);
    await write();
    expect(await finish()).toMatchObject({ status: 'complete' });
    const common = { run_id: RUN_ID, dataset: 'support', rows_failed: 0n, status: 'ok' };
    expect(await groups()).toEqual([
      { ...common, group_key: '', row_count: 3n, summary: '1/0', cost_usd: costs(all, '') },
      { ...common, group_key: 'a', row_count: 9n, summary: '2/0', cost_usd: costs(all, 'a') },
      { ...common, group_key: 'b', row_count: 2n, summary: '0/7', cost_usd: costs(all, 'b') },
    ]);
    expect(record()).toMatchObject({
      ...{ rows_in: 17, rows_summarized: 14, rows_failed: 0, rows_rejected: 2, rows_skipped: 1, groups: 3, batches: 8, levels: 4 },
      ...{ calls: 13, summary: '3/0', cost_usd: costs(all, '') + costs(all, 'a') + costs(all, 'b') + costs(all, null) },
    });
  });

  test('has the rows of groups that are left out beside the others, without batch and summary', async () => {
    const { write, table } = await prepare();
    await write();
    const rows = await table('row_summaries', partName(0));
    expect(rows.filter(({ status }) => status === 'skipped')).toMatchObject([
      { row_number: 4n, group_key: 'c', text: 'text 4', batch_id: null, summary: null, error_code: null, attributes: '{"stars":4.0}' },
    ]);
    expect(rows.filter(({ group_key }) => group_key === '').map((row) => [row.row_number, row.batch_id, row.summary])).toEqual([
      [2n, 0n, '0/0'],
      [6n, 0n, '0/0'],
      [11n, 1n, '0/1'],
    ]);
  });

  test('whose folds above the groups were not come to still has the roots of its groups', async () => {
    const { write, finish, groups, record } = await prepare(({ level }) => (level === 3 ? null : {}));
    await write('budget_exceeded');
    expect(await finish('budget_exceeded')).toMatchObject({ status: 'halted' });
    expect((await groups()).map(({ summary }) => summary)).toEqual(['1/0', '2/0', '0/7']);
    expect(record().summary).toBeNull();
  });

  test('has a group without a summary where its root failed, and what it lost where it is partial', async () => {
    const lost = { status: 'failed' as const, answer: null, error: { code: 'refusal', message: 'no' } };
    const { write, groups } = await prepare(({ groupKey, level, batchId }) => {
      if (groupKey === 'b') return lost;
      if (level === 0 && batchId === 2) return lost;
      if (groupKey === 'a' && level > 0) return { status: 'partial', rowsFailed: 2 };
      return {};
    });
    await write();
    expect((await groups()).map((row) => [row.group_key, row.status, row.rows_failed, row.summary])).toEqual([
      ['', 'ok', 0n, '1/0'],
      ['a', 'partial', 2n, '2/0'],
      ['b', 'failed', 2n, null],
    ]);
  });

  test('with an answer of unknown price has unknown costs for its group alone', async () => {
    const free = { answerId: 'one', attempt: 1, calls: 1, inputTokens: 10, outputTokens: 1, costUsd: null };
    const { all, write, groups, finish, record } = await prepare(({ level, batchId }) =>
      level === 0 && batchId === 3 ? { payments: [free] } : {},
    );
    await write();
    await finish();
    expect((await groups()).map((row) => row.cost_usd)).toEqual([costs(all, ''), null, costs(all, 'b')]);
    expect(record().cost_usd).toBeNull();
  });

  test('without roll-up has the groups that one batch holds, and the figures of the others', async () => {
    const { write, finish, groups, record } = await prepare(() => ({}), { rollUp: false });
    await write();
    expect(await finish()).toMatchObject({ status: 'complete' });
    expect((await groups()).map((row) => [row.group_key, row.row_count, row.status, row.summary])).toEqual([
      ['', 3n, 'ok', null],
      ['a', 9n, 'ok', null],
      ['b', 2n, 'ok', '0/7'],
    ]);
    expect(record()).toMatchObject({ levels: 1, summary: null, groups: 3 });
  });

  test('written again has the same bytes', async () => {
    const { work, write } = await prepare();
    await write();
    const before = work.keys().map((key) => [key, work.text(key)]);
    await write();
    expect(work.keys().map((key) => [key, work.text(key)])).toEqual(before);
  });
});

describe('what does not add up is never shown', () => {
  const changeLines = (key: string, change: (lines: string[]) => string[]) => (work: MemoryStore) =>
    work.seed(
      key,
      change(work.text(key).split('\n').slice(0, -1))
        .map((line) => `${line}\n`)
        .join(''),
    );

  test.each<[string, (work: MemoryStore) => unknown, string]>([
    [
      'a row is in the batch of another group',
      changeLines(partKey(RUN_ID, 0), (rows) => rows.map((row) => row.replace('"groupKey":"b"', '"groupKey":"a"'))),
      'staged_rows_differ',
    ],
    ['a row stands twice', changeLines(skippedKey(RUN_ID, 0), (rows) => [...rows, ...rows]), 'row_numbers_broken'],
    ['a group is missing', changeLines(groupsKey(RUN_ID), (lines) => lines.slice(1)), 'groups_differ'],
    ['groups stand in another order', changeLines(groupsKey(RUN_ID), (lines) => lines.toReversed()), 'groups_differ'],
    ['a fold is missing', changeLines(manifestKey(RUN_ID, 1), (lines) => lines.slice(0, -1)), 'folds_missing_or_doubled'],
  ])('%s: no receipt', async (_, damage, code) => {
    const { work, write } = await prepare();
    damage(work);
    await expect(write()).rejects.toMatchObject({ code });
  });

  test.each<[string, (work: MemoryStore) => unknown]>([
    ['a skipped row is missing', changeLines(skippedKey(RUN_ID, 0), () => [])],
    [
      'a group has more rows than were summarized',
      changeLines(groupsKey(RUN_ID), (lines) => lines.map((line) => line.replace('"rows":9', '"rows":10'))),
    ],
    [
      'the last group is missing',
      changeLines(groupsKey(RUN_ID), (lines) => lines.map((line) => line.replace('"root":{"level":0', '"root":{"level":9'))),
    ],
  ])('%s: the run fails', async (_, damage) => {
    const { work, write, finish, record } = await prepare();
    damage(work);
    await write();
    expect(await finish()).toMatchObject({ status: 'failed' });
    expect(record().stop_reason).toMatch(/^The ledger does not close/);
  });

  test('a receipt whose set lacks a row: the run fails', async () => {
    const { work, write, finish } = await prepare();
    await write();
    const receipt = work.json<{ rows: { count: number; set: string } }>(receiptKey(RUN_ID, partName(0)));
    const set = Buffer.from(receipt.rows.set, 'base64');
    work.seed(
      receiptKey(RUN_ID, partName(0)),
      JSON.stringify({ ...receipt, rows: { ...receipt.rows, set: set.subarray(1).toString('base64') } }),
    );
    expect(await finish()).toMatchObject({ status: 'failed' });
  });
});
