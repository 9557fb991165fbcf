import pLimit from 'p-limit';
import { contentPrefix } from '../../functions/shared/object-keys.ts';
import type { ObjectStore } from '../../functions/shared/ports.ts';
import { type Content, findContent } from '../../functions/summarize-batch/content.ts';

const READS_IN_FLIGHT = 32;

/** An answer that is kept, without its words. */
export interface KeptAnswer {
  key: string;
  paidBy: Content['paidBy'];
  usage: Content['usage'];
  costUsd: number | null;
  /** Of an answer that serves; null of one that does not. */
  answered: { at: number; seconds: number; isCutOff: boolean } | null;
}

/** All answers of a dataset, by their keys. */
export async function keptAnswers(work: ObjectStore, dataset: string): Promise<Map<string, KeptAnswer>> {
  const keys: string[] = [];
  for await (const { key } of work.list(contentPrefix(dataset))) keys.push(key);
  const limit = pLimit(READS_IN_FLIGHT);
  const answers = new Map<string, KeptAnswer>();
  await Promise.all(
    keys.map((key) =>
      limit(async () => {
        const content = await findContent(work, key);
        if (content) answers.set(key, withoutWords(key, content));
      }),
    ),
  );
  return answers;
}

const withoutWords = (key: string, { paidBy, usage, costUsd, answer }: Content): KeptAnswer => ({
  key,
  paidBy,
  usage,
  costUsd,
  answered: answer && {
    at: Date.parse(answer.createdAt),
    seconds: answer.latencyMs / 1000,
    isCutOff: answer.finishReason === 'length',
  },
});
