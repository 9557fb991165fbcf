import { errorCodeOf } from '../shared/errors.ts';
import type { Refusal } from '../shared/refusal.ts';
import type { RunSums } from './run-ledger.ts';
import type { Verdict } from './run-status.ts';

interface Ending {
  /** Name of the error that ended the run, null where it came to its end. */
  failure: string | null;
  refusal: Refusal | undefined;
  sums: Pick<RunSums, 'rowsSummarized' | 'rowsFailed'>;
}

/** Why a run did not end complete, as a code that may be told to anyone: the reason of a rejected upload quotes the upload. */
export function stopCodeOf({ status, stopReason }: Verdict, { failure, refusal, sums }: Ending): string | null {
  switch (status) {
    case 'complete':
      return null;
    case 'partial':
      return sums.rowsFailed > 0 ? 'rows_failed' : 'folds_incomplete';
    case 'halted':
      // `quota_exhausted: insufficient_quota`: the word before the colon is ours.
      return /^[a-z0-9_]+/.exec(stopReason ?? '')?.[0] ?? 'halted';
    case 'rejected':
      return refusal?.code ?? 'invalid_upload';
    case 'failed':
      if (failure !== null) return errorCodeOf(failure);
      return sums.rowsSummarized === 0 ? 'nothing_summarized' : 'too_many_rows_failed';
  }
}
