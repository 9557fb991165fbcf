import type { ProviderLimits } from './rate-headers.ts';

/**
 * Every error that a step may leave with. `name` is what Retry and Catch match, so it is a literal and survives bundling.
 * A message may hold a customer's words: it is shown to the person on whose behalf the run works, never logged and never
 * handed to Step Functions (see pipeline-handler.ts). `code` is safe to log, to store and to count.
 */
export const errorNames = {
  config: 'ConfigError',
  invalidUpload: 'InvalidUploadError',
  invalidBatch: 'InvalidBatchError',
  modelThrottled: 'ModelThrottledError',
  modelUnavailable: 'ModelUnavailableError',
  modelQuotaExhausted: 'ModelQuotaExhaustedError',
  budgetExceeded: 'BudgetExceededError',
  unusableSummary: 'UnusableSummaryError',
  contextOverflow: 'ContextOverflowError',
  modelAccess: 'ModelAccessError',
  modelRequest: 'ModelRequestError',
  resultConflict: 'ResultConflictError',
  ledger: 'LedgerError',
} as const;

export type ErrorName = (typeof errorNames)[keyof typeof errorNames];

/** The code that stands for an error of which only the name is known: `ModelUnavailableError` -> `model_unavailable`. */
export const errorCodeOf = (name: string) =>
  name
    .replace(/Error$/, '')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase();

interface ErrorDetail extends ErrorOptions {
  /** Machine-readable reason, snake_case, free of customers' words. */
  code?: string;
}

export abstract class PipelineError extends Error {
  abstract override readonly name: ErrorName;
  readonly code: string | undefined;

  constructor(message: string, { code, cause }: ErrorDetail = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** The environment, the context or a setting is wrong. Thrown before work starts; the message names every wrong key. */
export class ConfigError extends PipelineError {
  override readonly name = errorNames.config;
}

/** The file cannot be a source of rows. The message is one sentence for the person who dropped it. */
export class InvalidUploadError extends PipelineError {
  override readonly name = errorNames.invalidUpload;
}

/** Staged bytes are not what their manifest line says. */
export class InvalidBatchError extends PipelineError {
  override readonly name = errorNames.invalidBatch;
}

export interface Usage {
  inputTokens: number;
  outputTokens: number;
  /** Of the input tokens, those that the endpoint had in its cache; absent where it does not say. */
  cachedInputTokens?: number;
  /** Of the output tokens, those of thoughts that are not in the answer; absent where the endpoint does not say. */
  reasoningTokens?: number;
}

/** The endpoint asked for a pause that passes by itself (429). */
export class ModelThrottledError extends PipelineError {
  override readonly name = errorNames.modelThrottled;
  readonly retryAfterSeconds: number;
  /** What the refusal's headers say of the limits, null where they say nothing. */
  readonly limits: ProviderLimits | null;

  constructor(message: string, detail: ErrorDetail & { retryAfterSeconds: number; limits?: ProviderLimits | null }) {
    super(message, detail);
    this.retryAfterSeconds = detail.retryAfterSeconds;
    this.limits = detail.limits ?? null;
  }
}

/** No answer came, or none that is a completion: 408, 5xx, time-out, network, a 200 of another shape. Worth another try. */
export class ModelUnavailableError extends PipelineError {
  override readonly name = errorNames.modelUnavailable;
}

/** The organisation's quota, credit or spend limit is gone: every further call would fail the same way. */
export class ModelQuotaExhaustedError extends PipelineError {
  override readonly name = errorNames.modelQuotaExhausted;
}

/** The next call could take the run above `maxCostUsd`. */
export class BudgetExceededError extends PipelineError {
  override readonly name = errorNames.budgetExceeded;
}

/** A completion came that cannot serve as a summary: refused, filtered, empty, or failing the output check. It may have cost money. */
export class UnusableSummaryError extends PipelineError {
  override readonly name = errorNames.unusableSummary;
  readonly usage: Usage;

  constructor(message: string, detail: ErrorDetail & { usage?: Usage }) {
    super(message, detail);
    this.usage = detail.usage ?? { inputTokens: 0, outputTokens: 0 };
  }
}

/** The request has more tokens than the model takes. */
export class ContextOverflowError extends PipelineError {
  override readonly name = errorNames.contextOverflow;
}

/** The key or the model is not ours to use: 401, 403, unknown model. */
export class ModelAccessError extends PipelineError {
  override readonly name = errorNames.modelAccess;
}

/** The endpoint refused the request for a reason that another try cannot change (any other 4xx). */
export class ModelRequestError extends PipelineError {
  override readonly name = errorNames.modelRequest;
}

/** A frozen object of the run exists with other content. */
export class ResultConflictError extends PipelineError {
  override readonly name = errorNames.resultConflict;
}

/** A row number or a batch is missing from the run's receipts, or stands in two of them; or a receipt is not to be had. */
export class LedgerError extends PipelineError {
  override readonly name = errorNames.ledger;
}

/** There is no such object, or not the version of it that was asked for. */
export class ObjectNotFound extends Error {
  override readonly name = 'ObjectNotFound';
}
