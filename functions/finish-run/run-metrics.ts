import { readClosedAttempt } from '../shared/attempt.ts';
import type { Run, RunStatus } from '../shared/contract.ts';
import type { MetricName, MetricValues } from '../shared/metrics.ts';
import type { ObjectStore } from '../shared/ports.ts';

/** Rows of a run that a metric has counted, or is to count. */
interface Rows {
  read: number;
  summarized: number;
  rejected: number;
}

interface RowCounts {
  rowsIn: number;
  rowsSummarized: number;
  rowsFailed: number;
  rowsRejected: number;
}

const noRows: Rows = { read: 0, summarized: 0, rejected: 0 };

export const rowsSoFar = ({ rowsIn, rowsSummarized, rowsRejected }: RowCounts): Rows => ({
  read: rowsIn,
  summarized: rowsSummarized,
  rejected: rowsRejected,
});

/** The most that earlier attempts have counted of each. */
export async function rowsBefore({ runId, attempt }: Run, work: ObjectStore): Promise<Rows> {
  let most = noRows;
  for (let earlier = 1; earlier < attempt; earlier++) {
    const rows = (await readClosedAttempt(work, runId, earlier))?.rows ?? noRows;
    most = {
      read: Math.max(most.read, rows.read),
      summarized: Math.max(most.summarized, rows.summarized),
      rejected: Math.max(most.rejected, rows.rejected),
    };
  }
  return most;
}

const runMetricOf = {
  complete: 'RunsComplete',
  partial: 'RunsPartial',
  failed: 'RunsFailed',
  halted: 'RunsHalted',
  rejected: 'RunsRejected',
} as const satisfies Record<RunStatus, MetricName>;

/** What an attempt that is closed counts: itself, the rows that no attempt before it has counted, and those that have no summary now. */
export const runMetrics = (status: RunStatus, counts: RowCounts, before: Rows): MetricValues => ({
  [runMetricOf[status]]: 1,
  RowsRead: Math.max(0, counts.rowsIn - before.read),
  RowsSummarized: Math.max(0, counts.rowsSummarized - before.summarized),
  RowsRejected: Math.max(0, counts.rowsRejected - before.rejected),
  RowsFailed: counts.rowsFailed,
});
