import * as z from 'zod';
import { settingsSchema } from './settings.ts';

/** What passes between the states of the workflow, and what the steps leave for each other in the work bucket. */

const count = z.int().min(0);
const objectLocation = z.object({ bucket: z.string(), key: z.string() });

/** One version of one object of the input bucket, or one folder of part files, whose key ends in `/`. */
export const sourceSchema = z.object({
  bucket: z.string(),
  key: z.string(),
  /** Of a folder: the version of its `_SUCCESS`; locally, the hash of its parts. */
  versionId: z.string(),
  bytes: count,
  /** Only of a folder: how many part files the run's `source.jsonl` lists. */
  parts: count.optional(),
});
export type Source = z.infer<typeof sourceSchema>;

/** One line of `source.jsonl`: a part file of a folder, pinned. */
export const sourcePartSchema = z.object({
  /** Below the folder: `part-00000.csv`, `dt=2026-01-01/part-00000.csv`. */
  key: z.string(),
  versionId: z.string(),
  bytes: count,
});
export type SourcePart = z.infer<typeof sourcePartSchema>;

/** The execution's input: all that makes this attempt of this run. */
export const runSchema = z.object({
  runId: z.string(),
  attempt: z.int().min(1),
  dataset: z.string(),
  source: sourceSchema,
  /** Rows to read, null for all. */
  limit: count.nullable(),
  /** Normalized base URL of the model endpoint, or `offline`. */
  endpoint: z.string(),
  settings: settingsSchema,
});
export type Run = z.infer<typeof runSchema>;

/**
 * One line of a manifest. Bytes `[start, end)` of `partKey` are the batch: rows of a staged part, or above level 0 the lines of the batches
 * whose summaries are folded.
 */
export const batchSchema = z.object({
  batchId: count,
  level: count,
  groupKey: z.string().nullable(),
  partKey: z.string(),
  start: count,
  end: count,
  /** Lowest row number beneath. */
  firstRow: count,
  /** Input rows beneath. */
  rows: z.int().min(1),
  tokensEstimate: count,
  /** The fold that its summary goes into, however often it is passed up before; null for the root, and without roll-up. */
  parent: z.object({ level: count, batchId: count }).nullable(),
});
export type Batch = z.infer<typeof batchSchema>;

/** One line of a staged part. */
export interface StagedRow {
  rowNumber: number;
  id: string;
  text: string;
  groupKey: string | null;
  truncated: boolean;
  /** The other columns: the text of a JSON object, in which numbers stand as they were written. */
  attributes: string;
}

export const rejectionReasons = [
  'empty_text',
  'undecodable_bytes',
  'too_many_fields',
  'too_few_fields',
  'invalid_json',
  'not_an_object',
  'unclosed_quote',
  'record_too_long',
  'group_key_too_long',
] as const;
export type RejectionReason = (typeof rejectionReasons)[number];

/** One line of a part's rejections. */
export interface Rejection {
  rowNumber: number;
  /** Of a folder: the part file, as in `source.jsonl`. */
  part?: string | undefined;
  line: number;
  reason: RejectionReason;
  raw: string;
}

export const planBatchesInput = z.object({
  run: runSchema,
  level: count,
  /** Part, or step of sorting rows into groups, with which an unfinished planning pass goes on; null at the start of a level. */
  continueWithPart: count.nullable(),
});
export type PlanBatchesInput = z.infer<typeof planBatchesInput>;

export const planBatchesOutput = z.object({
  run: runSchema,
  next: z.enum(['plan', 'summarize', 'write', 'finish']),
  level: count,
  continueWithPart: count.nullable(),
  manifest: objectLocation.nullable(),
  parts: objectLocation.nullable(),
  batchesPerFunction: z.int().min(1),
  maxConcurrency: z.int().min(1),
  /** Why the attempt was halted, null while it goes on. */
  stopReason: z.string().nullable(),
});
export type PlanBatchesOutput = z.infer<typeof planBatchesOutput>;

export const summarizeBatchInput = z.object({
  run: runSchema,
  batches: z.array(batchSchema).min(1),
  /** How often Step Functions has tried this state again. */
  retryCount: count,
  /** The batches were sent to wait for the rate limit before: they come first. */
  hasWaited: z.boolean(),
  /** Set by the Catch branch: name of the error that retries did not cure; the batches without an outcome are recorded as failed. */
  failure: z.string().nullable(),
});
export type SummarizeBatchInput = z.infer<typeof summarizeBatchInput>;

export const summarizeBatchOutput = z.object({
  /** Seconds to wait before `remaining` are tried again, 0 when none remain. */
  waitSeconds: count,
  remaining: z.array(batchSchema),
});
export type SummarizeBatchOutput = z.infer<typeof summarizeBatchOutput>;

export const writeTablesInput = z.object({ run: runSchema, part: z.string(), stopReason: z.string().nullable() });
export type WriteTablesInput = z.infer<typeof writeTablesInput>;
export const writeTablesOutput = z.object({ part: z.string(), receiptKey: z.string() });
export type WriteTablesOutput = z.infer<typeof writeTablesOutput>;

export const runStatuses = ['complete', 'partial', 'failed', 'halted', 'rejected'] as const;
export type RunStatus = (typeof runStatuses)[number];

export const finishRunInput = z.object({
  run: runSchema,
  stopReason: z.string().nullable(),
  /** Name of the error that ended the workflow early, null when it came to its end. */
  failure: z.string().nullable(),
});
export type FinishRunInput = z.infer<typeof finishRunInput>;
export const finishRunOutput = z.object({ runId: z.string(), status: z.enum(runStatuses), stopReason: z.string().nullable() });
export type FinishRunOutput = z.infer<typeof finishRunOutput>;

/** Input and output of every step, by the id of its state. */
export const stepContracts = {
  'plan-batches': { input: planBatchesInput, output: planBatchesOutput },
  'summarize-batch': { input: summarizeBatchInput, output: summarizeBatchOutput },
  'write-tables': { input: writeTablesInput, output: writeTablesOutput },
  'finish-run': { input: finishRunInput, output: finishRunOutput },
} as const;
export type StepName = keyof typeof stepContracts;
