import type { Outcome } from '../shared/outcome.ts';
import { PROMPT_VERSION } from './prompt.ts';

/** What came of summarizing a batch, whatever it is made of. */
export type BatchSummary = Pick<
  Outcome,
  | 'status'
  | 'answer'
  | 'error'
  | 'failedRows'
  | 'rowsFailed'
  | 'rowSummaries'
  | 'weight'
  | 'promptVersion'
  | 'contentKey'
  | 'mergeKey'
  | 'claims'
  | 'claimCounts'
  | 'themes'
> & {
  /** The answer was paid by another run. */
  isForeign: boolean;
};

/** A batch without a summary, and why; all of its `rows` failed. */
export const withoutSummary = (rows: number, error: NonNullable<Outcome['error']>): BatchSummary => ({
  status: 'failed',
  answer: null,
  error,
  failedRows: [],
  rowsFailed: rows,
  promptVersion: PROMPT_VERSION,
  contentKey: null,
  isForeign: false,
});
