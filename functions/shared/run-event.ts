import * as z from 'zod';
import { type Run, type RunStatus, sourceSchema } from './contract.ts';
import { runTablePrefix } from './object-keys.ts';
import { DATE_PARTITION, type TableName, tableNames } from './table-names.ts';

export const EVENT_SOURCE = 'hundredfold';
/** Of the detail's schema. A field more is no new version; a field less, or another meaning, is. */
export const EVENT_VERSION = '1';

type EventStatus = RunStatus | 'started';

/** Every type of event, with what the run may be when it is told. */
const statusesOfType = {
  'Run Started': ['started'],
  'Run Completed': ['complete', 'partial'],
  'Run Failed': ['failed'],
  'Run Halted': ['halted'],
  'Upload Rejected': ['rejected'],
} as const satisfies Record<string, readonly EventStatus[]>;
export type RunEventType = keyof typeof statusesOfType;
export const runEventTypes = Object.keys(statusesOfType) as RunEventType[];

const text = (description: string) => z.string().describe(description);
const count = (description: string) => z.int().min(0).describe(description);
const { bucket, key, versionId } = sourceSchema.shape;

const countFields = {
  rowsIn: count('rows of the upload'),
  rowsSummarized: count('rows beneath a summary'),
  rowsFailed: count('rows whose batch has no summary'),
  rowsRejected: count('rows that could not be read or have no text'),
  rowsSkipped: count('rows of groups too small to summarize'),
  batches: count('batches of rows'),
  batchesFailed: count('batches of rows without a summary'),
  calls: count('answers that the run has paid for, all attempts'),
  costUsd: z.number().min(0).nullable().describe('dollars, all attempts; null where the price is unknown'),
};

/** The detail of a type of event. Whatever is not named here is left out of an event. */
export const eventDetailSchema = (type: RunEventType) =>
  z.object({
    version: z.literal(EVENT_VERSION),
    eventId: text('the same for every delivery of the same event'),
    runId: text('the run'),
    attempt: z.int().min(1).describe('which attempt of the run this is about'),
    dataset: text('first folder of the uploaded key'),
    source: z
      .object({
        bucket: bucket.describe('input bucket'),
        key: key.describe('key of the upload; that of a folder ends in a slash'),
        versionId: versionId.describe('version of the object, of a folder that of its _SUCCESS'),
      })
      .describe('the upload'),
    status: z.enum(statusesOfType[type]).describe('as in the table runs, or started'),
    stopCode: z
      .string()
      .regex(/^[a-z0-9_]+$/)
      .nullable()
      .describe('why the run did not end complete; the sentence for it, which may quote the upload, is runs.stop_reason'),
    ...countFields,
    results: z
      .object({
        bucket: text('results bucket'),
        date: z
          .string()
          .regex(/^\d{4}-\d{2}-\d{2}$/)
          .describe(`value of the partition column ${DATE_PARTITION}`),
        prefixes: z
          .object(Object.fromEntries(tableNames.map((name) => [name, z.string()])) as Record<TableName, z.ZodString>)
          .describe('of each table, what the keys of the files of this run begin with'),
      })
      .describe('where the tables of the run are'),
    summaryBucket: text('bucket of summaryKey'),
    summaryKey: z
      .string()
      .nullable()
      .describe('key of the object that has the summary of the whole upload as answer.text; null where there is none'),
    query: text('SQL that shows what has become of the run, for Athena and for hundredfold query'),
  });

export type RunEventDetail = z.infer<ReturnType<typeof eventDetailSchema>>;
export type EventCounts = Pick<RunEventDetail, keyof typeof countFields>;

/** What listeners are told. Names, counts, codes and keys only, never a customer's words. */
export interface RunEvent {
  type: RunEventType;
  detail: RunEventDetail;
}

export interface RunMoment {
  status: EventStatus;
  /** @default null */
  stopCode?: string | null;
  counts: EventCounts;
  /** @default null */
  summaryKey?: string | null;
  /** Value of the tables' date partition. */
  date: string;
  resultsBucket: string;
  workBucket: string;
}

/** The event of one moment of a run, with no more of what it is given than the schema names. */
export function runEvent(run: Run, { status, stopCode = null, counts, summaryKey = null, date, ...buckets }: RunMoment): RunEvent {
  const type = typeOf(status);
  const detail = {
    ...run,
    ...counts,
    version: EVENT_VERSION,
    eventId: `${run.runId}-${run.attempt}-${status}`,
    status,
    stopCode,
    results: {
      bucket: buckets.resultsBucket,
      date,
      prefixes: Object.fromEntries(tableNames.map((table) => [table, runTablePrefix(table, date, run.runId)])),
    },
    summaryBucket: buckets.workBucket,
    summaryKey,
    query: exampleQuery(type, run.runId, date),
  };
  return { type, detail: eventDetailSchema(type).parse(detail) };
}

const typeOf = (status: EventStatus) =>
  runEventTypes.find((type) => (statusesOfType[type] as readonly EventStatus[]).includes(status)) as RunEventType;

const quoted = (value: string) => `'${value.replaceAll("'", "''")}'`;

/** Valid in Trino and in DuckDB, on one line and without double quotes: it may stand inside other texts. */
function exampleQuery(type: RunEventType, runId: string, date: string): string {
  const isRun = `run_id = ${quoted(runId)} AND ${DATE_PARTITION} = ${quoted(date)}`;
  return type === 'Run Completed' || type === 'Run Halted'
    ? `SELECT level, batch_id, row_count, status, summary FROM batch_summaries WHERE ${isRun} ORDER BY level DESC, batch_id`
    : `SELECT status, stop_reason, rows_in, rows_failed, rows_rejected, cost_usd FROM runs WHERE ${isRun}`;
}
