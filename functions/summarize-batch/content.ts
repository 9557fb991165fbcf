import { createHash } from 'node:crypto';
import * as z from 'zod';
import { parseJson } from '../shared/json-lines.ts';
import { contentKey } from '../shared/object-keys.ts';
import { answerSchema } from '../shared/outcome.ts';
import type { ObjectStore, SummaryRequest } from '../shared/ports.ts';

const count = z.int().min(0);

/** A paid answer: cache, idempotency record and crash recovery in one. Written once, before the outcome. */
const contentSchema = z.object({
  endpoint: z.string(),
  promptVersion: z.string(),
  answer: answerSchema,
  usage: z.object({ inputTokens: count, outputTokens: count }),
  costUsd: z.number().nullable(),
  /** The batch that paid. Another batch of the same words adopts the answer and has paid nothing. */
  paidBy: z.object({ runId: z.string(), attempt: z.int().min(1), level: count, batchId: count }),
});
export type Content = z.infer<typeof contentSchema>;

/**
 * Key of the answer to a request at an endpoint. The service tier changes what an answer costs, not what it says, and is left out.
 * Offline answers and those of a real model have different endpoints, so neither can serve for the other.
 */
export function contentKeyOf(dataset: string, endpoint: string, request: SummaryRequest): string {
  const { model, messages, temperature, maxOutputTokens } = request;
  const canonical = JSON.stringify([endpoint, model, messages.map(({ role, content }) => [role, content]), temperature, maxOutputTokens]);
  return contentKey(dataset, createHash('sha256').update(canonical).digest('hex'));
}

/** @returns undefined where nobody has paid for the answer yet. */
export async function findContent(work: ObjectStore, key: string): Promise<Content | undefined> {
  const bytes = await work.get(key);
  return bytes && contentSchema.parse(parseJson(bytes));
}

/** Stores a paid answer. @returns the answer that stands: this one, or that of whoever was first. */
export async function keepContent(work: ObjectStore, key: string, content: Content): Promise<Content> {
  if (await work.putIfAbsent(key, JSON.stringify(content))) return content;
  return (await findContent(work, key)) ?? content;
}
