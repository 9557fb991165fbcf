import { createHash } from 'node:crypto';
import * as z from 'zod';
import { parseJson } from '../shared/json-lines.ts';
import { contentKey } from '../shared/object-keys.ts';
import { answerSchema } from '../shared/outcome.ts';
import type { ObjectStore, SummaryRequest } from '../shared/ports.ts';

const count = z.int().min(0);

/**
 * What an endpoint answered to a request: cache, idempotency record and crash recovery in one, written before the outcome. An answer that
 * serves is kept for good. One that does not is kept for the attempt that asked, so that nobody asks for the same refusal again.
 */
const contentSchema = z.object({
  endpoint: z.string(),
  promptVersion: z.string(),
  answer: answerSchema.nullable(),
  /** Why there is no answer that serves, and how often it was asked for. */
  unusable: z.object({ code: z.string(), message: z.string(), asked: z.int().min(1) }).nullable(),
  /** Of all answers to this request that this attempt was billed for. */
  usage: z.object({
    inputTokens: count,
    outputTokens: count,
    cachedInputTokens: count.optional(),
    reasoningTokens: count.optional(),
  }),
  costUsd: z.number().nullable(),
  /** The batch that paid. Another batch of the same words adopts the answer and has paid nothing. */
  paidBy: z.object({ runId: z.string(), attempt: z.int().min(1), level: count, batchId: count }),
});
export type Content = z.infer<typeof contentSchema>;
export type UsableContent = Content & { answer: NonNullable<Content['answer']> };

export const isUsable = (content: Content | undefined): content is UsableContent => content != null && content.answer !== null;

/**
 * Key of the answer to a request at an endpoint. The service tier changes what an answer costs, not what it says, and is left out.
 * Offline answers and those of a real model have different endpoints, so neither can serve for the other.
 */
export function contentKeyOf(dataset: string, endpoint: string, request: SummaryRequest): string {
  const { model, messages, temperature, maxOutputTokens, format } = request;
  const words = messages.map(({ role, content }) => [role, content]);
  // A request for plain text has the key that it had before there were formats: what was paid for it then still serves.
  const shape = format === null ? [] : [[format.name, format.schema]];
  const canonical = JSON.stringify([endpoint, model, words, temperature, maxOutputTokens, ...shape]);
  return contentKey(dataset, createHash('sha256').update(canonical).digest('hex'));
}

/** What a kept answer is called among the payments of the batch that paid for it. */
export const shortHash = (key: string) => key.slice(-17, -5);
export const answerIdOf = ({ answer, paidBy }: Content, key: string) =>
  answer ? shortHash(key) : `${shortHash(key)}-unusable-${paidBy.attempt}`;

/** @returns undefined where nobody has asked yet. */
export async function findContent(work: ObjectStore, key: string): Promise<Content | undefined> {
  const bytes = await work.get(key);
  // What an older version wrote in another shape is as good as absent: it is asked for again and written over.
  return bytes && contentSchema.safeParse(parseJson(bytes)).data;
}

/** Stores what came. @returns what stands: this, or the usable answer of whoever was first. */
export async function keepContent(work: ObjectStore, key: string, content: Content): Promise<Content> {
  const body = JSON.stringify(content);
  if (await work.putIfAbsent(key, body)) return content;
  const standing = await findContent(work, key);
  if (isUsable(standing)) return standing;
  await work.put(key, body);
  return content;
}
