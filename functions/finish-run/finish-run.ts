import { type ClosedAttempt, closeAttempt, readAttempt, readClosedAttempt } from '../shared/attempt.ts';
import { type FinishRunInput, type FinishRunOutput, finishRunInput, type Run } from '../shared/contract.ts';
import { LedgerError } from '../shared/errors.ts';
import { parseJson } from '../shared/json-lines.ts';
import type { Metrics } from '../shared/metrics.ts';
import { attemptEndingKey, partName, reportKey, runRecordKey, tableKey } from '../shared/object-keys.ts';
import { readOutcomeAt } from '../shared/outcome.ts';
import { type Plan, readPlan } from '../shared/plan.ts';
import type { Clock, EventSink, Log, ObjectStore } from '../shared/ports.ts';
import type { LevelsReceipt, Receipt } from '../shared/receipt.ts';
import { type Refusal, readRefusal } from '../shared/refusal.ts';
import { runEvent } from '../shared/run-event.ts';
import { type TableRow, tables } from '../shared/tables.ts';
import { ParquetFile } from '../write-tables/parquet-file.ts';
import { paymentsOf } from './payments.ts';
import { publishOnce } from './publish-once.ts';
import { publishTables } from './publish-tables.ts';
import { readReceipts } from './read-receipts.ts';
import { reportNotes } from './report-notes.ts';
import { closeLedger } from './row-ledger.ts';
import { closeBatches, noSums, type RunSums, sumsOf } from './run-ledger.ts';
import { rowsBefore, rowsSoFar, runMetrics } from './run-metrics.ts';
import { type Root, recordJson, runRecord } from './run-record.ts';
import { earlyVerdict, type Verdict, verdictOf } from './run-status.ts';
import { countsOf, keptRecord, standingRecord } from './standing-record.ts';
import { stopCodeOf } from './stop-code.ts';
import { unansweredNote } from './unanswered.ts';

export interface FinishRunPorts {
  work: ObjectStore;
  results: ObjectStore;
  events: EventSink;
  clock: Clock;
  log: Log;
  metrics: Metrics;
}

/**
 * Ends an attempt: proves the ledger, makes the run's tables visible, its row of `runs` last, and tells the listeners. An attempt that is
 * closed stays as it is, so that a second call, or the rule that closes executions which ended without their Catch, changes nothing.
 */
export async function finishRun(input: FinishRunInput, ports: FinishRunPorts): Promise<FinishRunOutput> {
  const { run } = input;
  const closed = await readClosedAttempt(ports.work, run.runId, run.attempt);
  if (closed) return leftAlone(input, closed);

  const ending = await fixEnding(input, ports.work);
  const plan = await readPlan(ports.work, run.runId);
  const refusal = await readRefusal(ports.work, run.runId);
  const { verdict, failure, sums, receipts, root } = await judge({ run, ...ending }, plan, refusal, ports.work);
  if (verdict.status === 'failed') ports.log.warn('run failed', { failure: ending.failure });

  const startedAt =
    plan?.startedAt ?? (await readAttempt(ports.work, run.runId, 1))?.acceptedAt ?? new Date(ports.clock.now()).toISOString();
  const date = startedAt.slice(0, 10);
  const runsKey = tableKey('runs', date, run.runId, partName(0));
  // Somebody may have given the attempt up meanwhile and started the next one, whose tables these must not cover.
  const closedMeanwhile = await readClosedAttempt(ports.work, run.runId, run.attempt);
  if (closedMeanwhile) return leftAlone(input, closedMeanwhile);
  const times = { startedAt: Date.parse(startedAt), finishedAt: ports.clock.now() };
  // An attempt that came to nothing takes nothing away from what an earlier one has shown, its report included.
  const standing = receipts.length === 0 ? await standingRecord(run, runsKey, ports) : undefined;
  let record: TableRow;
  if (standing) {
    record = keptRecord(standing, { run, stopReason: verdict.stopReason, sums, finishedAt: times.finishedAt });
  } else {
    await ports.results.delete([runsKey, reportKey(run.runId)]);
    await publishTables(run.runId, date, receipts, ports);
    const unanswered = await unansweredNote(run.runId, ports.work);
    const notes = [...(plan?.notes ?? []), ...rootNote(root, sums), ...(unanswered ? [unanswered] : [])];
    const recordWith = (more: readonly string[]) => runRecord(run, plan, [...notes, ...more], sums, verdict, root, times);
    record = recordWith(await reportNotes(run, recordWith([]), receipts, ports));
  }
  const file = new ParquetFile(tables.runs);
  file.add(record);
  await ports.work.put(runRecordKey(run.runId), recordJson(record));
  await ports.results.put(runsKey, file.close());

  const counts = countsOf(record);
  const event = runEvent(run, {
    status: verdict.status,
    stopCode: stopCodeOf(verdict, { failure, refusal, sums }),
    counts,
    summaryKey: record.summary_key as string | null,
    date,
    resultsBucket: ports.results.bucket,
    workBucket: ports.work.bucket,
  });
  await publishOnce(event, ports.work, ports.events);
  const closing = { status: verdict.status, closedAt: new Date(ports.clock.now()).toISOString(), rows: rowsSoFar(counts) };
  const before = await rowsBefore(run, ports.work);
  // Of several callers that come to this the one that closes the attempt counts it.
  if (await closeAttempt(ports.work, run.runId, run.attempt, closing)) {
    const { runId, attempt, dataset } = run;
    ports.metrics.tell(runMetrics(verdict.status, counts, before), { dataset, runId, attempt });
  }
  // The reason for a refusal quotes the file: it stands in the table, not in the execution's history.
  return { runId: run.runId, status: verdict.status, stopReason: verdict.status === 'rejected' ? null : verdict.stopReason };
}

const leftAlone = ({ run, stopReason }: FinishRunInput, { status }: ClosedAttempt): FinishRunOutput => ({
  runId: run.runId,
  status: status === 'aborted' ? 'failed' : status,
  stopReason,
});

const endingSchema = finishRunInput.pick({ stopReason: true, failure: true });

/**
 * How the attempt came to its end, as whoever finishes it first has seen it. A later caller (a retry, or the rule on ended executions while the
 * step is still at work) completes that ending instead of covering it with another.
 */
async function fixEnding(
  { run, stopReason, failure }: FinishRunInput,
  work: ObjectStore,
): Promise<Pick<FinishRunInput, 'stopReason' | 'failure'>> {
  const key = attemptEndingKey(run.runId, run.attempt);
  if (await work.putIfAbsent(key, JSON.stringify({ stopReason, failure }))) return { stopReason, failure };
  const bytes = await work.get(key);
  return bytes ? endingSchema.parse(parseJson(bytes)) : { stopReason, failure };
}

interface Judgement {
  verdict: Verdict;
  /** Name of the error that ended the run, null where it came to its end. */
  failure: string | null;
  sums: RunSums;
  /** Parts whose tables are to be shown: all, or none where the run did not come to its end. */
  receipts: (Receipt | LevelsReceipt)[];
  root: Root | null;
}

async function judge(input: FinishRunInput, plan: Plan | undefined, refusal: Refusal | undefined, work: ObjectStore): Promise<Judgement> {
  const { run, stopReason, failure } = input;
  const early = earlyVerdict(input, refusal?.reason, plan !== undefined);
  if (early || !plan) {
    const verdict = early ?? { status: 'failed' as const, stopReason: 'The workflow ended without a plan' };
    return { verdict, failure, sums: plan ? await unwrittenSums(plan, run, work) : noSums, receipts: [], root: null };
  }
  try {
    const { parts, levels } = await readReceipts(run, work);
    closeLedger(parts, plan.counts.rowsIn, plan.counts.groups !== null);
    closeBatches(parts, levels, plan);
    const sums = sumsOf(parts, levels, run.attempt);
    const verdict = verdictOf(sums, stopReason, run.settings.toleratedFailurePercentage);
    return { verdict, failure, sums, receipts: [...parts, ...(levels ? [levels] : [])], root: await readRoot(levels, work) };
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return {
      verdict: { status: 'failed', stopReason: `The ledger does not close: ${error.message}` },
      failure: error.name,
      sums: await unwrittenSums(plan, run, work),
      receipts: [],
      root: null,
    };
  }
}

/** What is known of a run whose tables were not written: every row that was staged counts as failed, what was paid for stays paid. */
async function unwrittenSums({ counts }: Plan, run: Run, work: ObjectStore): Promise<RunSums> {
  const { callsByAttempt, ...paid } = await paymentsOf(run, work);
  const callsThisAttempt = callsByAttempt[run.attempt] ?? 0;
  return {
    ...noSums,
    ...paid,
    callsThisAttempt,
    rowsFailed: counts.rowsStaged,
    rowsRejected: counts.rowsRejected,
    rowsSkipped: counts.rowsSkipped,
    batches: counts.batches,
    batchesFailed: counts.batches,
  };
}

async function readRoot(levels: LevelsReceipt | null, work: ObjectStore): Promise<Root | null> {
  const key = levels?.rootKey ?? null;
  const outcome = key === null ? undefined : await readOutcomeAt(work, key);
  const text = outcome?.answer?.text ?? null;
  return key !== null && outcome && text !== null ? { key, text, rowsFailed: outcome.rowsFailed } : null;
}

/** A sentence on a root that lacks rows which have a summary, none where it stands for all of them. */
function rootNote(root: Root | null, { rowsSummarized, rowsFailed }: RunSums): string[] {
  if (root === null || root.rowsFailed <= rowsFailed) return [];
  const rows = rowsSummarized + rowsFailed;
  return [`The summary of all stands for ${rows - root.rowsFailed} of ${rows} rows; those of the others could not be folded into it.`];
}
