import type { Batch, Rejection, Run, StagedRow } from '../shared/contract.ts';
import type { Outcome } from '../shared/outcome.ts';
import type { TableRow } from '../shared/tables.ts';

/** What became of a batch, with the reason why a batch without an outcome has none. */
export interface BatchFate {
  batch: Batch;
  outcome: Outcome | undefined;
  status: 'ok' | 'failed';
  summary: string | null;
  error: { code: string; message: string } | null;
}

/** A missing outcome is a failed batch: the run was halted before it, or its function was lost. */
export function fateOf(batch: Batch, outcome: Outcome | undefined, stopReason: string | null): BatchFate {
  if (outcome?.status === 'ok') return { batch, outcome, status: 'ok', summary: outcome.answer?.text ?? null, error: null };
  const error =
    outcome?.error ??
    (stopReason === null
      ? { code: 'no_outcome', message: 'The function that had this batch ended without leaving an outcome' }
      : { code: 'halted', message: `The run was halted before this batch: ${stopReason}` });
  return { batch, outcome, status: 'failed', summary: null, error };
}

const runColumns = (run: Run) => ({ run_id: run.runId, dataset: run.dataset, source_key: run.source.key });

export function batchSummaryRow(run: Run, { batch, outcome, status, summary, error }: BatchFate): TableRow {
  const { answer = null, paid } = outcome ?? {};
  return {
    ...runColumns(run),
    group_key: batch.groupKey,
    level: batch.level,
    batch_id: batch.batchId,
    parent_level: null,
    parent_batch_id: null,
    first_row: batch.firstRow,
    row_count: batch.rows,
    rows_failed: status === 'failed' ? batch.rows : 0,
    summary,
    status,
    error_code: error?.code ?? null,
    error_message: error?.message ?? null,
    model: answer?.model ?? null,
    service_tier: answer?.serviceTier ?? null,
    finish_reason: answer?.finishReason ?? null,
    prompt_version: outcome?.promptVersion ?? null,
    input_tokens: paid?.inputTokens ?? 0,
    output_tokens: paid?.outputTokens ?? 0,
    cost_usd: paid ? paid.costUsd : 0,
    latency_ms: answer?.latencyMs ?? null,
    from_cache: outcome?.fromCache ?? false,
    created_at: answer ? Date.parse(answer.createdAt) : null,
  };
}

export const rowSummaryRow = (run: Run, row: StagedRow, { batch, status, summary, error }: BatchFate): TableRow => ({
  ...runColumns(run),
  group_key: row.groupKey,
  row_number: row.rowNumber,
  id: row.id,
  text: row.text,
  truncated: row.truncated,
  batch_id: batch.batchId,
  summary,
  status,
  error_code: error?.code ?? null,
  attributes: JSON.stringify(row.attributes),
});

export const rejectedRow = (run: Run, { rowNumber, line, reason, raw }: Rejection): TableRow => ({
  ...runColumns(run),
  row_number: rowNumber,
  line,
  reason,
  raw,
});
