import * as z from 'zod';
import { claimCountsSchema, claimSchema } from './claim.ts';
import { parseJson } from './json-lines.ts';
import { outcomeKey, outcomePrefix } from './object-keys.ts';
import type { ObjectStore } from './ports.ts';
import { foldThemesSchema } from './theme.ts';

const count = z.int().min(0);

/** What an answer says about itself, wherever it is kept. */
export const answerSchema = z.object({
  text: z.string(),
  finishReason: z.enum(['stop', 'length']),
  model: z.string(),
  serviceTier: z.string().nullable(),
  latencyMs: count,
  createdAt: z.iso.datetime(),
});
export type Answer = z.infer<typeof answerSchema>;

/** What this run paid for one answer to one batch. */
const paymentSchema = z.object({
  /** Tells the answers of a batch apart, so that none is counted twice however often it is found. */
  answerId: z.string(),
  attempt: z.int().min(1),
  /** 1 for an answer that serves, 0 for one that was billed and is of no use. */
  calls: z.int().min(0).max(1),
  inputTokens: count,
  outputTokens: count,
  /** null where the price is unknown. */
  costUsd: z.number().nullable(),
});
export type Payment = z.infer<typeof paymentSchema>;

/** What became of one batch in one run. */
export const outcomeSchema = z.object({
  batchId: count,
  level: count,
  /** Attempt that wrote this outcome. */
  attempt: z.int().min(1),
  /** `partial`: there is a summary, and some rows are not in it. */
  status: z.enum(['ok', 'partial', 'failed']),
  /** `text` is null where the rows have summaries of their own and the batch has none. */
  answer: answerSchema.extend({ text: z.string().nullable() }).nullable(),
  /** Why it failed: a code for counting and words for people, null when it did not. */
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  /** At level 0: rows that are in no summary, where the others are. */
  failedRows: z.array(z.object({ rowNumber: count, code: z.string() })),
  /** Input rows beneath that are not in the batch's summary; where only the rows have summaries, those that have none. */
  rowsFailed: count.default(0),
  /** At level 0 with granularity row: each row that has a summary of its own, in order. */
  rowSummaries: z.array(z.object({ rowNumber: count, summary: z.string() })).optional(),
  /** Rows that the summary stands for, where the rows of the upload are summaries themselves (weightColumn); otherwise absent. */
  weight: count.optional(),
  /** Times that Step Functions tried the batch. */
  tries: z.int().min(1),
  payments: z.array(paymentSchema),
  /** The answer was paid by another run. */
  fromCache: z.boolean(),
  promptVersion: z.string(),
  contentKey: z.string().nullable(),
  /** Keys of other answers that served here and were paid for elsewhere, all attempts: whoever erases the words of the batch finds them by it. */
  adoptedKeys: z.array(z.string()).optional(),
  /** Of a fold: key of the one request for all of its summaries, whether that was answered or split. Another attempt knows by it that nothing has changed. */
  mergeKey: z.string().optional(),
  /** At level 0, with insights: the claims that hold, and the counts of what the answers claimed. */
  claims: z.array(claimSchema).optional(),
  claimCounts: claimCountsSchema.optional(),
  /** Of a fold, with insights: what became of the themes beneath. */
  themes: foldThemesSchema
    .extend({
      /** Key of the request that asked for their names, whether that was answered or not; null where nothing was asked. */
      namesKey: z.string().nullable(),
      /** The fold that they go into, null at the root. */
      parent: z.object({ level: count, batchId: count }).nullable(),
    })
    .optional(),
});
export type Outcome = z.infer<typeof outcomeSchema>;

/**
 * Whether an attempt has nothing to add to an outcome. A summary of rows serves every attempt; a fold is looked at again in each, since what is
 * beneath it may have changed, and costs nothing where it has not.
 */
export const isLastWord = ({ level, status, attempt }: Outcome, run: { attempt: number }) =>
  attempt === run.attempt || (level === 0 && status !== 'failed');

/** Sums of what was paid: by all attempts, and the calls of one of them. */
export interface PaymentSums {
  calls: number;
  callsByAttempt: Record<string, number>;
  inputTokens: number;
  outputTokens: number;
  /** null where the price of an answer is unknown. */
  costUsd: number | null;
}

export const noPayments = (): PaymentSums => ({ calls: 0, callsByAttempt: {}, inputTokens: 0, outputTokens: 0, costUsd: 0 });

/** Adds payments to sums, in place. */
export function addPayments(sums: PaymentSums, payments: readonly Payment[]): PaymentSums {
  for (const { attempt, calls, inputTokens, outputTokens, costUsd } of payments) {
    sums.calls += calls;
    if (calls > 0) sums.callsByAttempt[attempt] = (sums.callsByAttempt[attempt] ?? 0) + calls;
    sums.inputTokens += inputTokens;
    sums.outputTokens += outputTokens;
    sums.costUsd = sums.costUsd === null || costUsd === null ? null : sums.costUsd + costUsd;
  }
  return sums;
}

/** @returns undefined where the batch has no outcome yet. */
export const readOutcome = (work: ObjectStore, runId: string, level: number, batchId: number) =>
  readOutcomeAt(work, outcomeKey(runId, level, batchId));

/** @returns undefined where there is no such object. */
export async function readOutcomeAt(work: ObjectStore, key: string): Promise<Outcome | undefined> {
  const bytes = await work.get(key);
  return bytes && outcomeSchema.parse(parseJson(bytes));
}

const worth = { failed: 0, partial: 1, ok: 2 } as const;

/**
 * Whether what stands is worth more than a late outcome: a fold of a later attempt more than one of an earlier, which may be of other
 * summaries; else a summary of more rows, and of equals that of the later attempt.
 */
function outweighs(standing: Outcome, late: Outcome): boolean {
  if (standing.level > 0 && standing.attempt !== late.attempt) return standing.attempt > late.attempt;
  const gain = worth[standing.status] - worth[late.status];
  return gain === 0 ? standing.attempt > late.attempt : gain > 0;
}

/** Writes an outcome over what stands, unless that is worth more; what two workers paid for the same batch is added up. */
export async function writeOutcome(work: ObjectStore, runId: string, outcome: Outcome): Promise<void> {
  const key = outcomeKey(runId, outcome.level, outcome.batchId);
  if (await work.putIfAbsent(key, JSON.stringify(outcome))) return;
  const standing = await readOutcomeAt(work, key);
  const winner = standing && outweighs(standing, outcome) ? standing : outcome;
  const payments = new Map([...(standing?.payments ?? []), ...outcome.payments].map((payment) => [payment.answerId, payment]));
  await work.put(key, JSON.stringify({ ...winner, payments: [...payments.values()] }));
}

/** Keys of all outcomes of a run, level by level. */
export async function* outcomeKeys(work: ObjectStore, runId: string): AsyncGenerator<string> {
  for (let level = 0, found = true; found; level++) {
    found = false;
    for await (const { key } of work.list(outcomePrefix(runId, level))) {
      found = true;
      yield key;
    }
  }
}
