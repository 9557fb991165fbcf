/** What CloudWatch is told of, once: the steps count by these names, alarms and the dashboard read by them. */

export const METRIC_NAMESPACE = 'Hundredfold';

/** Dimensions of every metric. There is one series for a deployment, and one for each of its datasets. */
export const metricDimensions = { deployment: 'deployment', dataset: 'dataset' } as const;

/** Unit of each metric, in CloudWatch's words. */
export const metricUnits = {
  /** Requests that were sent to the model, whatever came of them. Counted call by call: one that is sent again is one more. */
  ModelCalls: 'Count',
  /** Of those: refused with "too many requests" (429). */
  ModelThrottles: 'Count',
  /** Of those: neither answered usably nor throttled. */
  ModelErrors: 'Count',
  /** Time to an answer. */
  ModelLatency: 'Milliseconds',
  /** Tokens that were billed. */
  InputTokens: 'Count',
  OutputTokens: 'Count',
  /** Dollars of the calls whose price is known. */
  CostUsd: 'None',
  /** Attempts by how they ended, each counted once, when it is closed. */
  RunsComplete: 'Count',
  RunsPartial: 'Count',
  RunsFailed: 'Count',
  RunsHalted: 'Count',
  RunsRejected: 'Count',
  /** Rows of runs that were closed; a further attempt counts what it adds. */
  RowsRead: 'Count',
  RowsSummarized: 'Count',
  RowsRejected: 'Count',
  /** Rows without a summary at the end of an attempt: those of a run that is taken up again count once an attempt. */
  RowsFailed: 'Count',
  /** Runs at work, and the age of the oldest, as the look at them every quarter of an hour has found. */
  OpenRuns: 'Count',
  OldestRunAge: 'Seconds',
} as const;
export type MetricName = keyof typeof metricUnits;
export const metricNames = Object.keys(metricUnits) as MetricName[];
export type MetricValues = Partial<Record<MetricName, number>>;

/** Whom a line is about: names and numbers that may be searched for, of which only `dataset` makes a series of its own. */
export interface MetricSubject {
  dataset?: string;
  runId?: string;
  attempt?: number;
  batchLevel?: number;
  batchId?: number;
}

/** Numbers for operators. */
export interface Metrics {
  /** Tells of what has happened since the last telling; the values of one call belong together. */
  tell(values: MetricValues, subject: MetricSubject): void;
}

/** Where nobody looks: outside of a deployment. */
export const noMetrics: Metrics = { tell() {} };

/** Source: CloudWatch API reference, Dimension: ASCII, at least one character that is no blank. */
const MAX_DIMENSION_CHARACTERS = 1024;

const dimensionValue = (name: string) => {
  const ascii = name.toWellFormed().replace(/[^\x20-\x7e]+/gu, encodeURIComponent);
  return (ascii.trim() === '' ? encodeURIComponent(ascii) : ascii).slice(0, MAX_DIMENSION_CHARACTERS);
};

export interface EmfOptions {
  /** Name of the deployment. */
  deployment: string;
  write: (line: string) => void;
  /** Milliseconds since the epoch. @default Date.now */
  now?: () => number;
}

/**
 * Metrics as log lines, from which CloudWatch takes them. Source: CloudWatch user guide, "Specification: Embedded metric format".
 * The lines go past the runtime's console, which would wrap them.
 */
export function emfMetrics({ deployment, write, now = Date.now }: EmfOptions): Metrics {
  return {
    tell(values, { dataset, ...subject }) {
      const told = metricNames.filter((name) => values[name] !== undefined);
      if (told.length === 0) return;
      const line = {
        _aws: {
          Timestamp: now(),
          CloudWatchMetrics: [
            {
              Namespace: METRIC_NAMESPACE,
              Dimensions: [
                [metricDimensions.deployment],
                ...(dataset === undefined ? [] : [[metricDimensions.deployment, metricDimensions.dataset]]),
              ],
              Metrics: told.map((Name) => ({ Name, Unit: metricUnits[Name] })),
            },
          ],
        },
        [metricDimensions.deployment]: deployment,
        ...(dataset !== undefined && { [metricDimensions.dataset]: dimensionValue(dataset) }),
        ...subject,
        ...Object.fromEntries(told.map((name) => [name, values[name]])),
      };
      write(`${JSON.stringify(line)}\n`);
    },
  };
}
