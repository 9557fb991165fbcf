import type { Run, RunStatus } from './contract.ts';
import { tablePrefix } from './object-keys.ts';
import { tableNames } from './tables.ts';

export const EVENT_SOURCE = 'hundredfold';

export type RunEventType = 'Run Started' | 'Run Completed' | 'Run Failed' | 'Run Halted' | 'Upload Rejected';

export interface EventCounts {
  rowsIn: number;
  rowsSummarized: number;
  rowsFailed: number;
  rowsRejected: number;
  batches: number;
  batchesFailed: number;
  calls: number;
  costUsd: number | null;
}

/** What listeners are told. Names, counts and keys only, never a customer's words. */
export interface RunEvent {
  type: RunEventType;
  detail: EventCounts & {
    version: '1';
    /** The same for every delivery of the same event. */
    eventId: string;
    runId: string;
    attempt: number;
    dataset: string;
    source: { bucket: string; key: string; versionId: string };
    status: RunStatus | 'started';
    results: { bucket: string; tablePrefixes: string[]; date: string };
  };
}

const eventTypes: Record<RunStatus | 'started', RunEventType> = {
  started: 'Run Started',
  complete: 'Run Completed',
  partial: 'Run Completed',
  failed: 'Run Failed',
  halted: 'Run Halted',
  rejected: 'Upload Rejected',
};

const eventCounts = ({
  rowsIn,
  rowsSummarized,
  rowsFailed,
  rowsRejected,
  batches,
  batchesFailed,
  calls,
  costUsd,
}: EventCounts): EventCounts => ({
  rowsIn,
  rowsSummarized,
  rowsFailed,
  rowsRejected,
  batches,
  batchesFailed,
  calls,
  costUsd,
});

/** The event of one moment of a run, with no more than its counts of what it is given. `date` is the value of the tables' date partition. */
export function runEvent(run: Run, status: RunStatus | 'started', counts: EventCounts, resultsBucket: string, date: string): RunEvent {
  const { bucket, key, versionId } = run.source;
  return {
    type: eventTypes[status],
    detail: {
      version: '1',
      eventId: `${run.runId}-${run.attempt}-${status}`,
      runId: run.runId,
      attempt: run.attempt,
      dataset: run.dataset,
      source: { bucket, key, versionId },
      status,
      ...eventCounts(counts),
      results: { bucket: resultsBucket, tablePrefixes: tableNames.map(tablePrefix), date },
    },
  };
}
