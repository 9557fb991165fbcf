import type { FinishRunInput, RunStatus } from '../shared/contract.ts';
import { errorNames } from '../shared/errors.ts';
import type { RunSums } from './run-ledger.ts';

export interface Verdict {
  status: RunStatus;
  /** Why the run did not end complete, null where the tables say it batch by batch. */
  stopReason: string | null;
}

/** The verdict on a run that ended before its tables were written, undefined where it came to its end. */
export function earlyVerdict(
  { failure, stopReason }: Pick<FinishRunInput, 'failure' | 'stopReason'>,
  refusal: string | undefined,
  isPlanned: boolean,
): Verdict | undefined {
  if (stopReason !== null && !isPlanned) return { status: 'halted', stopReason };
  if (failure === null) return undefined;
  if (failure === errorNames.invalidUpload) return { status: 'rejected', stopReason: refusal ?? 'The file cannot be a source of rows' };
  return { status: 'failed', stopReason: `The workflow ended early: ${failure}` };
}

const mostFrequent = (failures: Record<string, number>) =>
  Object.entries(failures)
    .sort(([, one], [, other]) => other - one)
    .map(([code, rows]) => `${code}: ${rows}`)
    .join(', ');

/** The verdict on a run whose ledger closed. */
export function verdictOf(sums: RunSums, stopReason: string | null, toleratedFailurePercentage: number): Verdict {
  // A halt that came when all was done stopped nothing.
  if (sums.rowsFailed === 0 && sums.foldsIncomplete === 0) return { status: 'complete', stopReason: null };
  if (stopReason !== null) return { status: 'halted', stopReason };
  const failures = `failed rows by reason: ${mostFrequent(sums.failures)}`;
  if (sums.rowsSummarized === 0) return { status: 'failed', stopReason: `No row could be summarized; ${failures}` };
  const failedPercentage = (100 * sums.rowsFailed) / (sums.rowsFailed + sums.rowsSummarized);
  if (failedPercentage > toleratedFailurePercentage) {
    const share = `${failedPercentage.toFixed(1)} % of the rows failed, ${toleratedFailurePercentage} % are tolerated`;
    return { status: 'failed', stopReason: `${share}; ${failures}` };
  }
  if (sums.rowsFailed > 0) return { status: 'partial', stopReason: failures };
  return { status: 'partial', stopReason: `summaries of summaries that lack some of theirs: ${sums.foldsIncomplete}` };
}
