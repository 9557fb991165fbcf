import * as z from 'zod';
import { parseJson } from './json-lines.ts';
import { outcomeKey } from './object-keys.ts';
import type { ObjectStore } from './ports.ts';

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

/** What this run paid for one batch. All zero where the answer was found and not bought. */
const paymentSchema = z.object({
  /** Attempt that paid last, null where nothing was paid. */
  attempt: z.int().nullable(),
  calls: count,
  inputTokens: count,
  outputTokens: count,
  costUsd: z.number().nullable(),
});
export type Payment = z.infer<typeof paymentSchema>;

export const noPayment: Payment = { attempt: null, calls: 0, inputTokens: 0, outputTokens: 0, costUsd: 0 };

/** What became of one batch in one run. */
export const outcomeSchema = z.object({
  batchId: count,
  level: count,
  /** Attempt that wrote this outcome. */
  attempt: z.int().min(1),
  status: z.enum(['ok', 'failed']),
  answer: answerSchema.nullable(),
  /** Why it failed: a code for counting and words for people, null when it did not. */
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  /** Times that Step Functions tried the batch. */
  tries: z.int().min(1),
  paid: paymentSchema,
  /** The answer was paid by another run. */
  fromCache: z.boolean(),
  promptVersion: z.string(),
  contentKey: z.string().nullable(),
});
export type Outcome = z.infer<typeof outcomeSchema>;

/** @returns undefined where the batch has no outcome yet. */
export const readOutcome = (work: ObjectStore, runId: string, level: number, batchId: number) =>
  readOutcomeAt(work, outcomeKey(runId, level, batchId));

/** @returns undefined where there is no such object. */
export async function readOutcomeAt(work: ObjectStore, key: string): Promise<Outcome | undefined> {
  const bytes = await work.get(key);
  return bytes && outcomeSchema.parse(parseJson(bytes));
}

/** Leaves a summary alone: a late failure of one worker never covers the success of another. */
export async function writeOutcome(work: ObjectStore, runId: string, outcome: Outcome): Promise<void> {
  const key = outcomeKey(runId, outcome.level, outcome.batchId);
  const body = JSON.stringify(outcome);
  if (outcome.status === 'ok') return work.put(key, body);
  const isFirst = await work.putIfAbsent(key, body);
  if (isFirst) return;
  const standing = await readOutcome(work, runId, outcome.level, outcome.batchId);
  if (standing?.status !== 'ok') await work.put(key, body);
}
