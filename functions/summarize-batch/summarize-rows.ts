import type { Run, StagedRow } from '../shared/contract.ts';
import type { BatchCalls } from './batch-calls.ts';
import { type BatchSummary, withoutSummary } from './batch-summary.ts';
import { claimsIn, insightsRequest, summaryIn } from './insights.ts';
import { mergeRequest, rowsRequest } from './prompt.ts';
import { reasonOf, summarizeParts } from './summarize-parts.ts';

const textOf = ({ text }: StagedRow) => text;

/** Rows that a row stands for: 1, or where it is a summary itself the whole number in its weight column; 1 again where that holds none. */
function weightIn(column: string | null): (row: StagedRow) => number {
  if (column === null) return () => 1;
  return ({ attributes }) => {
    const weight = Number((JSON.parse(attributes) as Record<string, unknown>)[column]);
    return Number.isSafeInteger(weight) && weight > 0 ? weight : 1;
  };
}

/** The summary of a batch of rows; those that the model refuses are left out of it. Rows with weights are merged like the summaries of a level. */
export async function summarizeRows(rows: readonly StagedRow[], calls: BatchCalls, { runId, settings }: Run): Promise<BatchSummary> {
  const isWeighted = settings.weightColumn !== null;
  const weightOf = weightIn(settings.weightColumn);
  const requestOf = (part: readonly StagedRow[]) =>
    isWeighted
      ? mergeRequest(
          part.map((row) => ({ rows: weightOf(row), summary: row.text })),
          settings,
        )
      : settings.insights
        ? insightsRequest(part.map(textOf), settings)
        : rowsRequest(part.map(textOf), settings);
  const { found, refused, answered, error } = await summarizeParts(
    rows,
    { requestOf, textOf, weightOf, ...(settings.insights && { summaryIn }) },
    calls,
    settings,
  );
  if (!found) return withoutSummary(rows.length, reasonOf(error));
  const failedRows = refused
    .map(({ part: { rowNumber }, code }) => ({ rowNumber, code }))
    .sort((one, other) => one.rowNumber - other.rowNumber);
  const weights = (parts: readonly StagedRow[]) => parts.reduce((sum, row) => sum + weightOf(row), 0);
  return {
    status: failedRows.length > 0 ? 'partial' : 'ok',
    answer: found.content.answer,
    error: failedRows.length > 0 ? reasonOf(error) : null,
    failedRows,
    rowsFailed: failedRows.length,
    ...claimsIn(answered, settings),
    ...(isWeighted && { weight: weights(rows) - weights(refused.map(({ part }) => part)) }),
    promptVersion: found.content.promptVersion,
    contentKey: found.contentKey,
    isForeign: found.content.paidBy.runId !== runId,
  };
}
