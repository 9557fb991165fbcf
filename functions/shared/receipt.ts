import * as z from 'zod';

const count = z.int().min(0);

/** What one part adds to the run, proven from its rows and outcomes when its tables are written. */
export const receiptSchema = z.object({
  part: z.string(),
  /** Row numbers `[start, end)` of the part: each occurs exactly once in it. */
  rows: z.object({ start: count, end: count }),
  rowsSummarized: count,
  rowsFailed: count,
  rowsRejected: count,
  rowsSkipped: count,
  batches: count,
  batchesFailed: count,
  /** Failed rows by error code. */
  failures: z.record(z.string(), count),
  calls: count,
  callsByAttempt: z.record(z.string(), count),
  inputTokens: count,
  outputTokens: count,
  costUsd: z.number().nullable(),
  /** Tables of which the part has a file. */
  tables: z.array(z.string()),
});
export type Receipt = z.infer<typeof receiptSchema>;
