/**
 * What is known of models, as of 2026-11-23. Prices in US dollars per million tokens.
 * Source: https://developers.openai.com/api/docs/pricing and /deprecations; names and parameters as in the openai SDK 7.57.0.
 */
export interface ModelFacts {
  /** Prices of the standard tier; null where they are unknown. */
  readonly price: { readonly inputUsd: number; readonly outputUsd: number } | null;
  /** Factor on the price by service tier; a tier that is not named costs 1, but for `priority`, whose price is not listed here. */
  readonly tierFactor: Readonly<Record<string, number>>;
  readonly contextTokens: number | null;
  /**
   * Tokens of one answer that the model surely takes as a limit. Every chat model of OpenAI since gpt-4o-mini takes 16,384 or more; of unknown ones
   * many take no more than 4,096 (https://platform.openai.com/docs/models: gpt-3.5-turbo, gpt-4-turbo).
   */
  readonly answerTokens: number;
  /** `max_completion_tokens` instead of `max_tokens`: GPT-5 and later, and the o series. */
  readonly isReasoningModel: boolean;
  /** Takes `reasoning_effort: "none"`, and `temperature` only with it. The first reasoning models take neither. */
  readonly canSkipReasoning: boolean;
  /** Knows `prompt_cache_options`: from GPT-5.6 on a cache write costs extra and our prompts never repeat. */
  readonly hasCacheOptions: boolean;
  /** UTC date from which the model answers no more. */
  readonly shutdownDate: string | null;
}

const chatModel = {
  tierFactor: {},
  answerTokens: 16_384,
  isReasoningModel: false,
  canSkipReasoning: false,
  hasCacheOptions: false,
  shutdownDate: null,
} as const;
const reasoningModel = {
  tierFactor: { flex: 0.5 },
  answerTokens: 16_384,
  isReasoningModel: true,
  canSkipReasoning: true,
  hasCacheOptions: false,
  shutdownDate: null,
} as const;

/** Model that the offline model server answers as. */
export const OFFLINE_MODEL = 'offline-extractive';

const catalog: Readonly<Record<string, ModelFacts>> = {
  'gpt-6-luna': { ...reasoningModel, price: { inputUsd: 0.1, outputUsd: 0.5 }, contextTokens: 1_050_000, hasCacheOptions: true },
  'gpt-5.4-mini': { ...reasoningModel, price: { inputUsd: 0.75, outputUsd: 4.5 }, contextTokens: 400_000 },
  'gpt-4o-mini': { ...chatModel, price: { inputUsd: 0.15, outputUsd: 0.6 }, contextTokens: 128_000, shutdownDate: '2027-01-14' },
  'gpt-4.1-mini': { ...chatModel, price: { inputUsd: 0.4, outputUsd: 1.6 }, contextTokens: 1_047_576, shutdownDate: '2027-01-14' },
  [OFFLINE_MODEL]: { ...chatModel, price: { inputUsd: 0, outputUsd: 0 }, contextTokens: null },
};

/** Name of the endpoint when the offline model server answers, whatever its port. */
export const OFFLINE_ENDPOINT = 'offline';

const UNKNOWN_ANSWER_TOKENS = 4_096;

const snapshotDate = /-\d{4}-\d{2}-\d{2}$/;
const reasoningFamily = /^(gpt-([5-9]|\d{2,})|o\d)/;
/** GPT-5 without a minor version and the o series always reason. */
const alwaysReasons = /^(gpt-5(?!\.)|o\d)/;

/** Facts of a model; a dated snapshot has those of its family, an unknown model gets a neutral entry without a price. */
export function modelFacts(model: string): ModelFacts {
  const family = model.replace(snapshotDate, '');
  const name = [model, family].find((candidate) => Object.hasOwn(catalog, candidate));
  if (name !== undefined) return catalog[name] as ModelFacts;
  const facts = reasoningFamily.test(model)
    ? { ...reasoningModel, canSkipReasoning: !alwaysReasons.test(model) }
    : { ...chatModel, answerTokens: UNKNOWN_ANSWER_TOKENS };
  return { ...facts, tierFactor: {}, price: null, contextTokens: null };
}

/** Dollars that tokens cost, null where the price is unknown. The offline model costs nothing, under whatever name it is asked. */
export function costUsd(
  endpoint: string,
  model: string,
  serviceTier: string | null,
  usage: { inputTokens: number; outputTokens: number },
): number | null {
  const { price, tierFactor } = modelFacts(endpoint === OFFLINE_ENDPOINT ? OFFLINE_MODEL : model);
  if (!price || (serviceTier === 'priority' && endpoint !== OFFLINE_ENDPOINT)) return null;
  const factor = tierFactor[serviceTier ?? ''] ?? 1;
  return ((usage.inputTokens * price.inputUsd + usage.outputTokens * price.outputUsd) * factor) / 1_000_000;
}

const DAY_MS = 86_400_000;
const SHUTDOWN_NOTICE_DAYS = 60;

/** A sentence for the user when the model is gone or goes within 60 days, else undefined. */
export function shutdownWarning(model: string, now: number): string | undefined {
  const { shutdownDate } = modelFacts(model);
  if (!shutdownDate) return undefined;
  const daysLeft = Math.ceil((Date.parse(shutdownDate) - now) / DAY_MS);
  if (daysLeft > SHUTDOWN_NOTICE_DAYS) return undefined;
  return daysLeft > 0
    ? `${model} is shut down on ${shutdownDate}, in ${daysLeft} ${daysLeft === 1 ? 'day' : 'days'}; gpt-6-luna replaces it.`
    : `${model} was shut down on ${shutdownDate}; use gpt-6-luna.`;
}
