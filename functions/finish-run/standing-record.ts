import type { Run } from '../shared/contract.ts';
import { parseJson } from '../shared/json-lines.ts';
import { runRecordKey } from '../shared/object-keys.ts';
import type { ObjectStore } from '../shared/ports.ts';
import type { EventCounts } from '../shared/run-event.ts';
import type { TableRow } from '../shared/tables.ts';
import type { RunSums } from './run-ledger.ts';
import { rowOfJson } from './run-record.ts';

/**
 * The run's row of `runs` that is shown and has summaries, undefined where there is none. The row is removed before the tables under it change,
 * so one that is there stands for whole tables.
 */
export async function standingRecord(
  { runId }: Run,
  runsKey: string,
  { work, results }: { work: ObjectStore; results: ObjectStore },
): Promise<TableRow | undefined> {
  let isShown = false;
  for await (const { key } of results.list(runsKey)) isShown ||= key === runsKey;
  const bytes = isShown ? await work.get(runRecordKey(runId)) : undefined;
  const record = bytes && rowOfJson(parseJson(bytes) as Record<string, unknown>);
  return record && Number(record.rows_summarized) > 0 ? record : undefined;
}

/** What an earlier attempt that came to nothing, or another delivery of this one's end, has put before the reason. */
const added = /^Attempt \d+: .*?\. Before it: /;

/** The row of a run whose latest attempt came to nothing: what stood before it still does, and what it paid is added. */
export function keptRecord(
  standing: TableRow,
  { run, stopReason, sums, finishedAt }: { run: Run; stopReason: string | null; sums: RunSums; finishedAt: number },
): TableRow {
  const earlier = String(standing.stop_reason ?? standing.status).replace(added, '');
  return {
    ...standing,
    stop_reason: `Attempt ${run.attempt}: ${stopReason ?? 'ended early'}. Before it: ${earlier}`,
    calls: sums.calls,
    calls_this_attempt: sums.callsThisAttempt,
    input_tokens: sums.inputTokens,
    output_tokens: sums.outputTokens,
    cost_usd: sums.costUsd,
    finished_at: finishedAt,
  };
}

/** What listeners are told of a row of `runs`. */
export function countsOf(record: TableRow): EventCounts {
  const count = (column: string) => Number(record[column] ?? 0);
  return {
    rowsIn: count('rows_in'),
    rowsSummarized: count('rows_summarized'),
    rowsFailed: count('rows_failed'),
    rowsRejected: count('rows_rejected'),
    rowsSkipped: count('rows_skipped'),
    batches: count('batches'),
    batchesFailed: count('batches_failed'),
    calls: count('calls'),
    costUsd: record.cost_usd === null ? null : count('cost_usd'),
  };
}
