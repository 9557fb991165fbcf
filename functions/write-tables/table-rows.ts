import type { Batch, Rejection, Run, StagedRow } from '../shared/contract.ts';
import { addPayments, noPayments, type Outcome } from '../shared/outcome.ts';
import type { TableRow } from '../shared/tables.ts';

/** What became of a batch, with the reason why a batch without an outcome has none. */
export interface BatchFate {
  batch: Batch;
  outcome: Outcome | undefined;
  status: Outcome['status'];
  summary: string | null;
  error: { code: string; message: string } | null;
  /** Code of each row that is in no summary, by row number; of a failed batch those are all, and it is empty. */
  failedRows: ReadonlyMap<number, string>;
  rowsFailed: number;
}

/** A missing outcome is a failed batch: the run was halted before it, or its function was lost. */
export function fateOf(batch: Batch, outcome: Outcome | undefined, stopReason: string | null): BatchFate {
  if (outcome && outcome.status !== 'failed') {
    const failedRows = new Map(outcome.failedRows.map(({ rowNumber, code }) => [rowNumber, code]));
    const { status, answer, error } = outcome;
    return { batch, outcome, status, summary: answer?.text ?? null, error, failedRows, rowsFailed: failedRows.size };
  }
  const error =
    outcome?.error ??
    (stopReason === null
      ? { code: 'no_outcome', message: 'The function that had this batch ended without leaving an outcome' }
      : { code: 'halted', message: `The run was halted before this batch: ${stopReason}` });
  return { batch, outcome, status: 'failed', summary: null, error, failedRows: new Map(), rowsFailed: batch.rows };
}

const runColumns = (run: Run) => ({ run_id: run.runId, dataset: run.dataset, source_key: run.source.key });

export function batchSummaryRow(run: Run, { batch, outcome, status, summary, error, rowsFailed }: BatchFate): TableRow {
  const { answer = null, payments = [] } = outcome ?? {};
  const paid = addPayments(noPayments(), payments);
  return {
    ...runColumns(run),
    group_key: batch.groupKey,
    level: batch.level,
    batch_id: batch.batchId,
    parent_level: null,
    parent_batch_id: null,
    first_row: batch.firstRow,
    row_count: batch.rows,
    rows_failed: rowsFailed,
    summary,
    status,
    error_code: error?.code ?? null,
    error_message: error?.message ?? null,
    model: answer?.model ?? null,
    service_tier: answer?.serviceTier ?? null,
    finish_reason: answer?.finishReason ?? null,
    prompt_version: outcome?.promptVersion ?? null,
    input_tokens: paid.inputTokens,
    output_tokens: paid.outputTokens,
    cost_usd: paid.costUsd,
    latency_ms: answer?.latencyMs ?? null,
    from_cache: outcome?.fromCache ?? false,
    created_at: answer ? Date.parse(answer.createdAt) : null,
  };
}

export function rowSummaryRow(run: Run, row: StagedRow, { batch, status, summary, error, failedRows }: BatchFate): TableRow {
  const code = status === 'failed' ? (error?.code ?? null) : (failedRows.get(row.rowNumber) ?? null);
  return {
    ...runColumns(run),
    group_key: row.groupKey,
    row_number: row.rowNumber,
    id: row.id,
    text: row.text,
    truncated: row.truncated,
    batch_id: batch.batchId,
    summary: code === null ? summary : null,
    status: code === null ? 'ok' : 'failed',
    error_code: code,
    attributes: row.attributes,
  };
}

export const rejectedRow = (run: Run, { rowNumber, line, reason, raw }: Rejection): TableRow => ({
  ...runColumns(run),
  row_number: rowNumber,
  line,
  reason,
  raw,
});
