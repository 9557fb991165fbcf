import {
  ContextOverflowError,
  ModelAccessError,
  ModelQuotaExhaustedError,
  ModelRequestError,
  ModelThrottledError,
  ModelUnavailableError,
  type PipelineError,
  UnusableSummaryError,
} from '../errors.ts';
import { durationSeconds, plainNumber, providerLimits } from '../rate-headers.ts';

/** What an endpoint said instead of a completion. */
export interface ModelFailure {
  status: number;
  /** `error.code` and `error.type` of the body; compatible servers send numbers, null or nothing. */
  code: unknown;
  type: unknown;
  message: string;
  headers: { get(name: string): string | null };
}

/** Wait after a 429 that names none. */
const DEFAULT_RETRY_AFTER_SECONDS = 5;
/** A limit that resets later than this is asked again after it; also keeps a broken header out of the Wait state. */
const MAX_RETRY_AFTER_SECONDS = 86_400;
const MESSAGE_CHARACTERS = 300;
/** Below this a key is a placeholder for a server without keys, and its letters would be cut out of ordinary words. */
const MIN_SECRET_CHARACTERS = 8;

/** One line of at most 300 characters, without the API key and without anything that looks like one. */
export function safeMessage(text: string, apiKey: string): string {
  const withoutKey = apiKey.length >= MIN_SECRET_CHARACTERS ? text.replaceAll(apiKey, '[key]') : text;
  return withoutKey
    .replace(/\bsk-[^\s"'<>,;)]+/g, '[key]')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, MESSAGE_CHARACTERS)
    .toWellFormed();
}

/** `retry-after` as seconds or as an HTTP date. */
function retryAfter(text: string | null, now: number): number | undefined {
  const seconds = plainNumber(text);
  if (seconds !== undefined) return seconds;
  const date = text && /[a-z]{3}/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : (date - now) / 1000;
}

/** The reset of the limit that is used up; OpenAI also names it in the error's type, as a token limit is hit before it reads 0. */
function limitReset({ headers, type }: ModelFailure): number | undefined {
  const resets = ['requests', 'tokens']
    .filter((limit) => type === limit || headers.get(`x-ratelimit-remaining-${limit}`) === '0')
    .map((limit) => durationSeconds(headers.get(`x-ratelimit-reset-${limit}`)))
    .filter((seconds) => seconds !== undefined);
  return resets.length > 0 ? Math.max(...resets) : undefined;
}

/** Whole seconds, at least 1. */
function retryAfterSeconds(failure: ModelFailure, now: number): number {
  const milliseconds = plainNumber(failure.headers.get('retry-after-ms'));
  const seconds =
    (milliseconds === undefined ? undefined : milliseconds / 1000) ??
    retryAfter(failure.headers.get('retry-after'), now) ??
    limitReset(failure) ??
    DEFAULT_RETRY_AFTER_SECONDS;
  return Math.min(Math.max(Math.ceil(seconds), 1), MAX_RETRY_AFTER_SECONDS);
}

type Verdict = 'throttled' | 'quota' | 'access' | 'overflow' | 'filtered' | 'unavailable' | 'request';

/** Codes and types of OpenAI and of the servers that copy it. */
const verdicts: readonly (readonly [RegExp, Verdict])[] = [
  [/^(insufficient_quota|credit_balance_exhausted|billing_(not_active|hard_limit_reached))$|(^|_)(spend|usage)_limit_exceeded$/, 'quota'],
  [/^(rate_limit_exceeded|slow_down)$/, 'throttled'],
  [/^(invalid_api_key|model_not_found)$/, 'access'],
  [/^(context_length_exceeded|string_above_max_length|exceed_context_size_error)$/, 'overflow'],
  [/^(content_filter|invalid_prompt)$|_policy(_violation)?$/, 'filtered'],
];

function byName(name: unknown): Verdict | undefined {
  return typeof name === 'string' ? verdicts.find(([pattern]) => pattern.test(name))?.[1] : undefined;
}

function byStatus({ status, message }: ModelFailure): Verdict {
  if (status === 429) return 'throttled';
  if (status === 402) return 'quota';
  // A chat endpoint answers 404 to an unknown model or because the base URL is wrong: either way every further call fails the same.
  if (status === 401 || status === 403 || status === 404) return 'access';
  if (status === 413 || (status === 400 && /context[ _](length|size|window)/i.test(message))) return 'overflow';
  if (status === 408 || status === 409 || status < 400 || status >= 500) return 'unavailable';
  return 'request';
}

/** A request above the whole per-minute limit is refused as if it were early, with the numbers in the message: no wait will let it through. */
function isLargerThanLimit(message: string): boolean {
  const numbers = /Limit:? (\d+), Requested:? (\d+)/i.exec(message);
  return numbers !== null && Number(numbers[2]) > Number(numbers[1]);
}

function verdictOn(failure: ModelFailure): Verdict {
  const verdict = byName(failure.code) ?? byName(failure.type) ?? byStatus(failure);
  return verdict === 'throttled' && isLargerThanLimit(failure.message) ? 'overflow' : verdict;
}

/** How endpoints name what they do not take of a request's answer format, or of its schema. */
const formatWords = /response[_ ]?format|json[_ ]?schema|structured[_ ]outputs?|\bschemas?\b|\bgrammar|guided[_ ]/i;
/** 404 where a router finds no provider that takes the parameter, 501 where a server has not implemented it. */
const formatStatuses = new Set([400, 404, 422, 501]);

/** A server's word that one answer, not the request, broke the schema. */
export const FORMAT_BROKEN = 'json_validate_failed';

/** Whether an endpoint refused a request for the format that it asked of its answer, and would take it without. */
export function isFormatRefusal(failure: ModelFailure & { param: unknown }): boolean {
  if (failure.code === FORMAT_BROKEN) return true;
  if (!formatStatuses.has(failure.status) || byName(failure.code) || byName(failure.type)) return false;
  return formatWords.test(typeof failure.param === 'string' ? failure.param : '') || formatWords.test(failure.message);
}

/**
 * The project's error for an endpoint's answer, chosen by the error's code, then its type, then the status.
 * It has no `cause`: the SDK's errors repeat the answer, which may hold the key and the rows.
 */
export function modelError(failure: ModelFailure, apiKey: string, now: number): PipelineError {
  const isCode = typeof failure.code === 'string' && /^[a-z0-9_]{1,64}$/.test(failure.code);
  const code = isCode ? (failure.code as string) : `http_${failure.status}`;
  const message = `The model endpoint answered ${failure.status}: ${safeMessage(failure.message, apiKey)}`;
  switch (verdictOn(failure)) {
    case 'throttled':
      return new ModelThrottledError(message, {
        code,
        retryAfterSeconds: retryAfterSeconds(failure, now),
        limits: providerLimits(failure.headers),
      });
    case 'quota':
      return new ModelQuotaExhaustedError(message, { code });
    case 'access':
      return new ModelAccessError(message, { code });
    case 'overflow':
      return new ContextOverflowError(message, { code });
    case 'filtered':
      return new UnusableSummaryError(message, { code: 'content_filter' });
    case 'unavailable':
      return new ModelUnavailableError(message, { code });
    case 'request':
      return new ModelRequestError(message, { code });
  }
}
