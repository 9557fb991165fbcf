import type { RunStatus } from './contract.ts';

export const EVENT_SOURCE = 'hundredfold';

export type RunEventType = 'Run Started' | 'Run Completed' | 'Run Failed' | 'Run Halted' | 'Upload Rejected';

/** What listeners are told. Names, counts and keys only, never a customer's words. */
export interface RunEvent {
  type: RunEventType;
  detail: {
    version: '1';
    /** The same for every delivery of the same event. */
    eventId: string;
    runId: string;
    attempt: number;
    dataset: string;
    source: { bucket: string; key: string; versionId: string };
    status: RunStatus | 'started';
    rowsIn: number;
    rowsSummarized: number;
    rowsFailed: number;
    rowsRejected: number;
    batches: number;
    batchesFailed: number;
    calls: number;
    costUsd: number | null;
    results: { bucket: string; tablePrefixes: string[]; date: string };
  };
}

export const eventTypeOf: Record<RunStatus, RunEventType> = {
  complete: 'Run Completed',
  partial: 'Run Completed',
  failed: 'Run Failed',
  halted: 'Run Halted',
  rejected: 'Upload Rejected',
};
