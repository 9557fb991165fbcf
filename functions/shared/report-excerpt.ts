import * as z from 'zod';

/** What write-tables takes from the rows of one part for the run's report, bounded in size; finish-run makes the page of all of them. */

const count = z.int().min(0);
const text = z.string().nullable();
const cost = z.number().nullable();

/** A row of a batch; `summary` is its own, where it has one, `failed` the reason why it is in none. */
const rowSchema = z.object({
  row: count,
  id: z.string(),
  text: z.string(),
  isCut: z.literal(true).optional(),
  summary: z.string().optional(),
  failed: z.string().optional(),
});
export type ReportRow = z.infer<typeof rowSchema>;

const batchSchema = z.object({
  level: count,
  batch: count,
  parent: z.tuple([count, count]).nullable(),
  group: text,
  rows: count,
  failed: count,
  status: z.string(),
  summary: text,
  isCut: z.literal(true).optional(),
  error: text,
  message: text,
  tokens: z.tuple([count, count]),
  cost,
  seconds: z.number().nullable(),
  texts: z.array(rowSchema).optional(),
});
export type ReportBatch = z.infer<typeof batchSchema>;

/** What was paid, for one slice of the batches of level 0 or for one level. */
const paidSchema = z.object({ batches: count, failed: count, fromCache: count, inputTokens: count, outputTokens: count, costUsd: cost });
export type Paid = z.infer<typeof paidSchema>;

const exampleSchema = z.object({ place: z.string(), text: z.string() });
/** A kind of trouble, with the first that had it. */
const kindSchema = z.object({ code: z.string(), count, examples: z.array(exampleSchema) });
export type Kind = z.infer<typeof kindSchema>;

const groupSchema = z.object({ key: z.string(), rows: count, failed: count.nullable(), cost, summary: text });
export type ReportGroup = z.infer<typeof groupSchema>;

const themeSchema = z.object({ theme: z.string(), rows: count, share: z.number(), positive: count, negative: count });
export type ReportTheme = z.infer<typeof themeSchema>;

const quoteSchema = z.object({ row: count, sentiment: z.string(), statement: z.string(), quote: text });
export type Quote = z.infer<typeof quoteSchema>;

export const excerptSchema = z.object({
  part: z.string(),
  /** Attempt whose tables it is of: an excerpt of another says nothing of what is shown. */
  attempt: z.int().min(1),
  batches: z.array(batchSchema),
  /** By slice and by level. */
  slices: z.record(z.string(), paidSchema),
  levels: z.record(z.string(), paidSchema),
  /** Answers by the bucket of their time: see LATENCY_SECONDS. */
  latencies: z.array(count),
  failedBatches: z.array(kindSchema),
  /** Rows that are in no summary, whatever became of their batch. */
  failedRows: z.array(kindSchema),
  rejected: z.array(kindSchema),
  /** The largest. */
  groups: z.array(groupSchema),
  groupCount: count,
  /** Of the whole run. */
  themes: z.array(themeSchema),
  /** First quotes by theme of the run. */
  quotes: z.record(z.string(), z.array(quoteSchema)),
});
export type ReportExcerpt = z.infer<typeof excerptSchema>;

/** Upper ends of the buckets in which answers are counted by their time, in seconds; one more bucket holds what took longer. */
export const LATENCY_SECONDS = [0.01, 0.03, 0.1, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 60] as const;

export const noPaid = (): Paid => ({ batches: 0, failed: 0, fromCache: 0, inputTokens: 0, outputTokens: 0, costUsd: 0 });

/** Adds what was paid, in place. */
export function addPaid(sum: Paid, more: Paid): Paid {
  for (const name of ['batches', 'failed', 'fromCache', 'inputTokens', 'outputTokens'] as const) sum[name] += more[name];
  sum.costUsd = sum.costUsd === null || more.costUsd === null ? null : sum.costUsd + more.costUsd;
  return sum;
}
