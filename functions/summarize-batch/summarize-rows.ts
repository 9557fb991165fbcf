import type { Run, StagedRow } from '../shared/contract.ts';
import type { BatchCalls } from './batch-calls.ts';
import { type BatchSummary, withoutSummary } from './batch-summary.ts';
import { rowsRequest } from './prompt.ts';
import { reasonOf, summarizeParts } from './summarize-parts.ts';

const textOf = ({ text }: StagedRow) => text;

/** The summary of a batch of rows; those that the model refuses are left out of it. */
export async function summarizeRows(rows: readonly StagedRow[], calls: BatchCalls, run: Run): Promise<BatchSummary> {
  const requestOf = (part: readonly StagedRow[]) => rowsRequest(part.map(textOf), run.settings);
  const { found, refused, error } = await summarizeParts(rows, { requestOf, textOf, rowsOf: () => 1 }, calls, run.settings);
  if (!found) return withoutSummary(rows.length, reasonOf(error));
  const failedRows = refused
    .map(({ part: { rowNumber }, code }) => ({ rowNumber, code }))
    .sort((one, other) => one.rowNumber - other.rowNumber);
  return {
    status: failedRows.length > 0 ? 'partial' : 'ok',
    answer: found.content.answer,
    error: failedRows.length > 0 ? reasonOf(error) : null,
    failedRows,
    rowsFailed: failedRows.length,
    promptVersion: found.content.promptVersion,
    contentKey: found.contentKey,
    isForeign: found.content.paidBy.runId !== run.runId,
  };
}
