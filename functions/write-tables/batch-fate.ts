import { type Claim, type ClaimCounts, noClaimCounts } from '../shared/claim.ts';
import type { Batch, Run } from '../shared/contract.ts';
import type { Outcome, Payment } from '../shared/outcome.ts';

/** What became of a batch in an attempt, with the reason why a batch without an outcome has none. */
export interface BatchFate {
  batch: Batch;
  status: Outcome['status'];
  answer: Outcome['answer'];
  error: { code: string; message: string } | null;
  /** Code of each row of a batch of level 0 that is in no summary; of a failed batch those are all, and it is empty. */
  failedRows: ReadonlyMap<number, string>;
  /** Summary of each row of a batch of level 0, where rows have their own; null where they have that of their batch. */
  rowSummaries: ReadonlyMap<number, string> | null;
  rowsFailed: number;
  promptVersion: string | null;
  fromCache: boolean;
  claims: readonly Claim[];
  claimCounts: ClaimCounts;
  /** What the run has paid for the batch, all attempts. */
  payments: readonly Payment[];
}

/**
 * A missing outcome is a failed batch: the run was halted before it, or its function was lost. So is a fold of an earlier attempt, which may
 * have been made of other summaries than stand now.
 */
export function fateOf(batch: Batch, outcome: Outcome | undefined, { attempt }: Run, stopReason: string | null): BatchFate {
  const payments = outcome?.payments ?? [];
  const standing = outcome && (batch.level === 0 || outcome.attempt === attempt) ? outcome : undefined;
  if (standing?.answer && standing.status !== 'failed') {
    const { status, answer, error, promptVersion, fromCache } = standing;
    const failedRows = new Map(standing.failedRows.map(({ rowNumber, code }) => [rowNumber, code]));
    const rowsFailed = batch.level === 0 ? failedRows.size : standing.rowsFailed;
    const rowSummaries = standing.rowSummaries
      ? new Map(standing.rowSummaries.map(({ rowNumber, summary }) => [rowNumber, summary]))
      : null;
    const { claims = [], claimCounts = noClaimCounts } = standing;
    return { batch, status, answer, error, failedRows, rowSummaries, rowsFailed, promptVersion, fromCache, claims, claimCounts, payments };
  }
  const error =
    standing?.error ??
    (stopReason === null
      ? { code: 'no_outcome', message: 'The function that had this batch ended without leaving an outcome' }
      : { code: 'halted', message: `The run was halted before this batch: ${stopReason}` });
  const promptVersion = standing?.promptVersion ?? null;
  const nothing = { answer: null, failedRows: new Map(), rowSummaries: null, fromCache: false, claims: [], claimCounts: noClaimCounts };
  return { batch, status: 'failed', error, rowsFailed: batch.rows, promptVersion, payments, ...nothing };
}
