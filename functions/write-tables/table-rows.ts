import type { Rejection, Run, StagedRow } from '../shared/contract.ts';
import type { GroupLine } from '../shared/group-line.ts';
import { addPayments, noPayments } from '../shared/outcome.ts';
import type { TableRow } from '../shared/tables.ts';
import type { BatchFate } from './batch-fate.ts';

const runColumns = (run: Run) => ({ run_id: run.runId, dataset: run.dataset, source_key: run.source.key });

export function batchSummaryRow(run: Run, fate: BatchFate): TableRow {
  const { batch, status, answer, error, rowsFailed, promptVersion, fromCache, payments } = fate;
  const paid = addPayments(noPayments(), payments);
  return {
    ...runColumns(run),
    group_key: batch.groupKey,
    level: batch.level,
    batch_id: batch.batchId,
    parent_level: batch.parent?.level ?? null,
    parent_batch_id: batch.parent?.batchId ?? null,
    first_row: batch.firstRow,
    row_count: batch.rows,
    rows_failed: rowsFailed,
    summary: answer?.text ?? null,
    status,
    error_code: error?.code ?? null,
    error_message: error?.message ?? null,
    model: answer?.model ?? null,
    service_tier: answer?.serviceTier ?? null,
    finish_reason: answer?.finishReason ?? null,
    prompt_version: promptVersion,
    input_tokens: paid.inputTokens,
    output_tokens: paid.outputTokens,
    cost_usd: paid.costUsd,
    latency_ms: answer?.latencyMs ?? null,
    from_cache: fromCache,
    created_at: answer ? Date.parse(answer.createdAt) : null,
  };
}

/** Why a row is in no summary, null where it is in that of its batch. */
export const failureOf = ({ rowNumber }: StagedRow, { status, error, failedRows }: BatchFate): string | null =>
  status === 'failed' ? (error?.code ?? null) : (failedRows.get(rowNumber) ?? null);

const rowColumns = (run: Run, { groupKey, rowNumber, id, text, truncated, attributes }: StagedRow) => ({
  ...{ ...runColumns(run), group_key: groupKey, row_number: rowNumber },
  ...{ id, text, truncated, attributes },
});

export function rowSummaryRow(run: Run, row: StagedRow, fate: BatchFate): TableRow {
  const code = failureOf(row, fate);
  const ownSummary = fate.rowSummaries ? (fate.rowSummaries.get(row.rowNumber) ?? null) : (fate.answer?.text ?? null);
  return {
    ...rowColumns(run, row),
    batch_id: fate.batch.batchId,
    summary: code === null ? ownSummary : null,
    status: code === null ? 'ok' : 'failed',
    error_code: code,
  };
}

/** A row of a group that is too small to be summarized. */
export const skippedRow = (run: Run, row: StagedRow): TableRow => ({
  ...rowColumns(run, row),
  batch_id: null,
  summary: null,
  status: 'skipped',
  error_code: null,
});

/** @param root what became of the batch that stands for the group, null where its batches are not folded. */
export const groupSummaryRow = (
  run: Run,
  group: GroupLine,
  root: { status: string; text: string | null } | null,
  rowsFailed: number,
  costUsd: number | null,
): TableRow => ({
  run_id: run.runId,
  dataset: run.dataset,
  group_key: group.groupKey,
  row_count: group.rows,
  rows_failed: rowsFailed,
  summary: root?.text ?? null,
  status: root ? root.status : rowsFailed === 0 ? 'ok' : rowsFailed < group.rows ? 'partial' : 'failed',
  cost_usd: costUsd,
});

export const rejectedRow = (run: Run, { rowNumber, line, reason, raw }: Rejection): TableRow => ({
  ...runColumns(run),
  row_number: rowNumber,
  line,
  reason,
  raw,
});
