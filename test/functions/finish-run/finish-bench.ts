import { finishRun } from '../../../functions/finish-run/finish-run.ts';
import { type FinishRunInput, finishRunOutput, type Run } from '../../../functions/shared/contract.ts';
import { outcomeKey, partName, partsKey, runRecordKey, tableKey } from '../../../functions/shared/object-keys.ts';
import type { Outcome } from '../../../functions/shared/outcome.ts';
import { writeTables } from '../../../functions/write-tables/write-tables.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RecordingEventSink } from '../../fakes/recording-event-sink.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { RecordingMetrics } from '../../fakes/recording-metrics.ts';
import { ACCEPTED_AT, planSample, RUN_ID, type SampleRecord, sampleRun } from '../../fakes/sample-run.ts';
import { FakeClock } from '../../local/workflow/fake-clock.ts';
import { parquetRows } from '../write-tables/parquet-content.ts';

export const DATE = '2026-11-23';
export const RUNS_KEY = tableKey('runs', DATE, RUN_ID, partName(0));

const answer = {
  text: 'the customer said',
  finishReason: 'stop',
  model: 'm',
  serviceTier: null,
  latencyMs: 1,
  createdAt: ACCEPTED_AT,
} as const;
const payment = { answerId: 'one', attempt: 1, calls: 1, inputTokens: 1_000, outputTokens: 100, costUsd: 0.25 };

/** What became of the batches: `ok`, a code of failure, or nothing. */
export type Fate = 'ok' | (string & {}) | null;

interface BenchOptions {
  run?: Run;
  records?: readonly SampleRecord[];
  fates?: readonly Fate[];
  attempt?: number;
}

/** A run of one row a batch that is planned and summarized, with what finish-run needs. */
export async function openBench({
  run = sampleRun({ settings: { batchRows: 1 } }),
  records = ['a', { reason: 'empty_text' }, 'b', 'c', 'd'],
  fates = ['ok', 'ok', 'ok', 'ok'],
}: BenchOptions = {}) {
  const work = new MemoryStore('work');
  const results = new MemoryStore('results');
  const events = new RecordingEventSink();
  const clock = new FakeClock();
  const log = new RecordingLog();
  const metrics = new RecordingMetrics();
  await planSample(work, run, records);

  const summarize = (newFates: readonly Fate[], attempt = run.attempt) => {
    for (const [batchId, fate] of newFates.entries()) {
      if (fate === null) continue;
      const outcome: Outcome = {
        ...{ batchId, level: 0, attempt, tries: 1, failedRows: [], rowsFailed: 0, fromCache: false, promptVersion: '1', contentKey: null },
        ...(fate === 'ok'
          ? { status: 'ok', answer, error: null, payments: [{ ...payment, attempt }] }
          : { status: 'failed', answer: null, error: { code: fate, message: 'the customer said' }, payments: [] }),
      };
      work.seed(outcomeKey(RUN_ID, 0, batchId), JSON.stringify(outcome));
    }
  };
  summarize(fates);

  const write = async (attempt = run.attempt, stopReason: string | null = null) => {
    for (const { part } of work.jsonLines<{ part: string }>(partsKey(RUN_ID))) {
      await writeTables({ run: { ...run, attempt }, part, stopReason }, { work });
    }
    work.operations.length = 0;
  };

  const finish = async (changes: Partial<FinishRunInput> & { attempt?: number } = {}) => {
    const { attempt = run.attempt, ...input } = changes;
    const output = await finishRun(
      { run: { ...run, attempt }, stopReason: null, failure: null, ...input },
      { work, results, events, clock, log, metrics },
    );
    return finishRunOutput.parse(output);
  };

  const record = () => work.json<Record<string, string | number | null>>(runRecordKey(RUN_ID));
  const runsRow = async () => (await parquetRows(results.bytes(RUNS_KEY)))[0] as Record<string, unknown>;
  return { run, work, results, events, clock, log, metrics, summarize, write, finish, record, runsRow };
}

export type FinishBench = Awaited<ReturnType<typeof openBench>>;

/** Rows by what became of them, as the record says. */
export function rowCounts(record: Record<string, string | number | null>) {
  const { rows_in, rows_summarized, rows_failed, rows_rejected, rows_skipped } = record as Record<string, number>;
  return { rows_in, rows_summarized, rows_failed, rows_rejected, rows_skipped };
}
