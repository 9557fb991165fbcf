import * as z from 'zod';
import { claimCountsSchema } from './claim.ts';

const count = z.int().min(0);

const payments = {
  calls: count,
  callsByAttempt: z.record(z.string(), count),
  inputTokens: count,
  outputTokens: count,
  costUsd: z.number().nullable(),
};

/** Tables of which the part has a file. */
const filled = { tables: z.array(z.string()) };

/** What one part adds to the run, proven from the rows that its tables hold. */
export const receiptSchema = z.object({
  part: z.string(),
  /** Row numbers `[start, end)` of the part, or of a grouped run the set of them: each occurs exactly once in it. */
  rows: z.union([z.object({ start: count, end: count }), z.object({ count, set: z.base64() })]),
  rowsSummarized: count,
  rowsFailed: count,
  rowsRejected: count,
  rowsSkipped: count,
  /** The batches of a part are numbered through from here; 0 where it has none. */
  firstBatchId: count,
  batches: count,
  batchesFailed: count,
  /** Failed rows by error code. */
  failures: z.record(z.string(), count),
  /** Only with insights. */
  claimCounts: claimCountsSchema.optional(),
  ...payments,
  ...filled,
});
export type Receipt = z.infer<typeof receiptSchema>;

/** What the levels above 0 add to the run. */
export const levelsReceiptSchema = z.object({
  part: z.string(),
  folds: count,
  /** Folds that lack rows which they should stand for: failed, or partial. */
  foldsIncomplete: count,
  /** Levels that have batches, level 0 included. */
  levels: count,
  /** Key of the outcome that holds the root, null where there is no root. */
  rootKey: z.string().nullable(),
  /** Rows of group_summaries and the input rows beneath them, null without grouping. */
  groups: z.object({ count, rows: count }).nullable(),
  ...payments,
  ...filled,
});
export type LevelsReceipt = z.infer<typeof levelsReceiptSchema>;
