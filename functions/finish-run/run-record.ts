import type { ClaimCounts } from '../shared/claim.ts';
import type { Run } from '../shared/contract.ts';
import { OFFLINE_ENDPOINT, OFFLINE_MODEL } from '../shared/model-catalog.ts';
import type { Plan } from '../shared/plan.ts';
import { type TableRow, tables } from '../shared/tables.ts';
import type { RunSums } from './run-ledger.ts';
import type { Verdict } from './run-status.ts';

/** The one summary of a whole run, and the key of the object in the work bucket that holds it. */
export interface Root {
  key: string;
  text: string;
  /** Staged rows that it does not stand for. */
  rowsFailed: number;
}

/** The run's row of the table `runs`. `plan` is undefined where planning did not come to its end. Times in milliseconds since the epoch. */
export function runRecord(
  run: Run,
  plan: Plan | undefined,
  notes: readonly string[],
  sums: RunSums,
  { status, stopReason }: Verdict,
  root: Root | null,
  { startedAt, finishedAt }: { startedAt: number; finishedAt: number },
): TableRow {
  return {
    run_id: run.runId,
    dataset: run.dataset,
    source_key: run.source.key,
    source_version: run.source.versionId,
    status,
    stop_reason: stopReason,
    notes: JSON.stringify(notes),
    row_limit: run.limit,
    rows_in: sums.rowsSummarized + sums.rowsFailed + sums.rowsRejected + sums.rowsSkipped,
    rows_summarized: sums.rowsSummarized,
    rows_failed: sums.rowsFailed,
    rows_rejected: sums.rowsRejected,
    rows_skipped: sums.rowsSkipped,
    groups: plan?.counts.groups ?? null,
    batches: sums.batches,
    batches_failed: sums.batchesFailed,
    levels: sums.levels,
    calls: sums.calls,
    input_tokens: sums.inputTokens,
    output_tokens: sums.outputTokens,
    cost_usd: sums.costUsd,
    ...claimColumns(run, sums.claimCounts),
    calls_this_attempt: sums.callsThisAttempt,
    estimated_cost_usd: plan?.estimatedCostUsd ?? null,
    summary: root?.text ?? null,
    summary_key: root?.key ?? null,
    model: run.endpoint === OFFLINE_ENDPOINT ? OFFLINE_MODEL : run.settings.model,
    settings: JSON.stringify(run.settings),
    started_at: startedAt,
    finished_at: finishedAt,
  };
}

const shareOf = (some: number, all: number) => (all === 0 ? null : some / all);

/** What became of the claims that answers made; nothing where none were asked for. */
const claimColumns = ({ settings }: Run, { claims, claimsDropped, citations, citationsDropped }: ClaimCounts) => ({
  claims: settings.insights ? claims : null,
  claims_dropped_share: settings.insights ? shareOf(claimsDropped, claims) : null,
  citations_dropped_share: settings.insights ? shareOf(citationsDropped, citations) : null,
});

/** A row of `runs` as JSON, times in ISO 8601. */
export const recordJson = (record: TableRow): string =>
  JSON.stringify(
    Object.fromEntries(
      tables.runs.columns.map(({ name, type }) => {
        const value = record[name] ?? null;
        return [name, type === 'timestamp' && value !== null ? new Date(Number(value)).toISOString() : value];
      }),
    ),
  );

/** What `recordJson` has written, as a row again. */
export const rowOfJson = (json: Readonly<Record<string, unknown>>): TableRow =>
  Object.fromEntries(
    tables.runs.columns.map(({ name, type }) => {
      const value = (json[name] ?? null) as TableRow[string];
      return [name, type === 'timestamp' && value !== null ? Date.parse(String(value)) : value];
    }),
  );
