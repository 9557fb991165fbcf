import OpenAI from 'openai';
import * as z from 'zod';
import { normalizeEndpoint } from '../endpoint.ts';
import { ModelAccessError, ModelUnavailableError, UnusableSummaryError, type Usage } from '../errors.ts';
import { answerTimeMs, MODEL_TIMEOUT_MS } from '../limits.ts';
import { modelFacts } from '../model-catalog.ts';
import type { Summarizer, SummaryAnswer, SummaryRequest } from '../ports.ts';
import { type ProviderLimits, providerLimits } from '../rate-headers.ts';
import { FORMAT_BROKEN, isFormatRefusal, type ModelFailure, modelError, safeMessage } from './model-errors.ts';

export interface OpenAiSummarizerOptions {
  /** The key, or where to get it; asked before every call, so that a rotated key is taken up. What it throws is passed on. */
  apiKey: string | (() => Promise<string>);
  /** @default OpenAI's own endpoint */
  baseUrl?: string | undefined;
  /** Milliseconds since the epoch. @default Date.now */
  now?: (() => number) | undefined;
  /** For an answer of a page; longer ones have longer. @default MODEL_TIMEOUT_MS */
  timeoutMs?: number | undefined;
}

/**
 * A summarizer on any endpoint that speaks OpenAI's chat completions. One request a call, never a silent second one, but where the endpoint
 * refuses the format of the answer: then the same is asked without it, and later calls to that model leave it out.
 * A call stopped by the signal throws the signal's reason.
 *
 * @throws ConfigError: the base URL is not one.
 */
export function openAiSummarizer({ apiKey, baseUrl, now = Date.now, timeoutMs = MODEL_TIMEOUT_MS }: OpenAiSummarizerOptions): Summarizer {
  const baseURL = normalizeEndpoint(baseUrl);
  let client: OpenAI | undefined;
  /** Models that have refused a format here. */
  const formatless = new Set<string>();

  function clientWith(key: string): OpenAI {
    // logLevel: OPENAI_LOG=debug in the environment would print rows and summaries.
    if (client?.apiKey !== key) {
      // The SDK's own header goes where the key stands in another.
      const defaultHeaders = { Authorization: null, ...keyHeaders(baseURL, key) };
      client = new OpenAI({ apiKey: key, adminAPIKey: null, baseURL, defaultHeaders, maxRetries: 0, logLevel: 'off' });
    }
    return client;
  }

  return {
    async summarize(request, { signal }) {
      signal?.throwIfAborted();
      const key = usableKey(typeof apiKey === 'string' ? apiKey : await apiKey());
      signal?.throwIfAborted();
      // The SDK's own time-out ends with the headers of an answer other than 200; this one covers its body too.
      const timeout = new AbortController();
      const callMs = timeoutMs + answerTimeMs(request.maxOutputTokens);
      const timer = setTimeout(() => timeout.abort(), callMs);
      const startedAt = now();
      let body: unknown;
      let limits: ProviderLimits | null;
      try {
        const stop = signal ? AbortSignal.any([signal, timeout.signal]) : timeout.signal;
        const create = (asked: SummaryRequest) =>
          clientWith(key).chat.completions.create(chatRequest(asked), { signal: stop, timeout: callMs }).withResponse();
        const plain = { ...request, format: null };
        const isPlain = request.format === null || formatless.has(request.model);
        const { data, response } = await create(isPlain ? plain : request).catch((error: unknown) => {
          const failure = isPlain ? undefined : failureOf(error);
          if (!failure || !isFormatRefusal(failure)) throw error;
          if (failure.code !== FORMAT_BROKEN) formatless.add(request.model);
          return create(plain);
        });
        body = data;
        limits = providerLimits(response.headers);
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        if (timeout.signal.aborted) throw timedOut(callMs);
        throw callError(error, key, callMs, now());
      } finally {
        clearTimeout(timer);
      }
      return { ...summaryAnswer(body, request, Math.max(0, Math.round(now() - startedAt))), limits };
    },
  };
}

/**
 * Headers that carry the key. Azure takes the key of a resource in one of its own; its `Authorization` is for tokens that last an hour. Source: Azure
 * OpenAI REST API reference, "Authentication".
 */
export const keyHeaders = (baseURL: string, key: string): Record<string, string> =>
  /\.azure\.com$/.test(new URL(baseURL).hostname) ? { 'api-key': key } : { Authorization: `Bearer ${key}` };

/** @throws ModelAccessError: a header cannot carry the key. The SDK's own error would quote it. */
function usableKey(apiKey: string): string {
  const key = apiKey.trim();
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new ModelAccessError('The API key is empty or has characters that no key has, such as a space or a line break.', {
    code: 'invalid_api_key',
  });
}

function chatRequest(request: SummaryRequest): OpenAI.Chat.ChatCompletionCreateParamsNonStreaming {
  const { isReasoningModel, canSkipReasoning, hasCacheOptions } = modelFacts(request.model);
  return {
    model: request.model,
    messages: request.messages.map(({ role, content }) => ({ role, content })),
    // Older models and most compatible servers know only `max_tokens`, reasoning models only `max_completion_tokens`.
    ...(isReasoningModel ? { max_completion_tokens: request.maxOutputTokens } : { max_tokens: request.maxOutputTokens }),
    // Reasoning models take a temperature only without reasoning.
    ...(canSkipReasoning ? { reasoning_effort: 'none' as const } : {}),
    ...(canSkipReasoning || !isReasoningModel ? { temperature: request.temperature } : {}),
    ...(hasCacheOptions ? { prompt_cache_options: { mode: 'explicit' as const } } : {}),
    ...(request.serviceTier === null
      ? {}
      : { service_tier: request.serviceTier as OpenAI.Chat.ChatCompletionCreateParamsNonStreaming['service_tier'] }),
    ...(request.format === null
      ? {}
      : {
          response_format: {
            type: 'json_schema' as const,
            json_schema: { name: request.format.name, strict: true, schema: { ...request.format.schema } },
          },
        }),
  };
}

function timedOut(timeoutMs: number): ModelUnavailableError {
  return new ModelUnavailableError(`The model endpoint did not answer within ${timeoutMs} ms.`, { code: 'timeout' });
}

/** The project's error for whatever the SDK threw, without a `cause` (see modelError). */
function callError(error: unknown, apiKey: string, timeoutMs: number, now: number): Error {
  if (error instanceof OpenAI.APIConnectionTimeoutError) return timedOut(timeoutMs);
  const failure = failureOf(error);
  if (failure) return modelError(failure, apiKey, now);
  if (error instanceof SyntaxError) {
    return new ModelUnavailableError('The model endpoint answered with JSON that ends too early or is broken.', {
      code: 'invalid_response',
    });
  }
  const reason = safeMessage(transportReason(error), apiKey);
  return new ModelUnavailableError(`The connection to the model endpoint failed: ${reason}`, { code: 'network' });
}

/** What the endpoint said instead of a completion; undefined where the error is none of its. */
function failureOf(error: unknown): (ModelFailure & { param: unknown }) | undefined {
  if (!(error instanceof OpenAI.APIError && error.status !== undefined && error.headers)) return undefined;
  const { status, code, type, param, headers } = error;
  return { status, code, type, param, headers, message: apiMessage(error) };
}

/** The endpoint's own words; the SDK puts the status in front of them. */
function apiMessage(error: InstanceType<typeof OpenAI.APIError>): string {
  return error.message.replace(new RegExp(`^${error.status} `), '');
}

/** The innermost reason, such as `ECONNREFUSED`: the errors around it say only that a fetch failed. */
function transportReason(error: unknown): string {
  let innermost = Object(error) as { cause?: unknown; code?: unknown; message?: unknown };
  while (typeof innermost.cause === 'object' && innermost.cause !== null) innermost = innermost.cause;
  return String(innermost.code ?? innermost.message);
}

const tokens = z.number().int().nonnegative().catch(0);

/** Parts of a count of tokens, where an endpoint tells them. */
const tokenParts = <Name extends string>(name: Name) =>
  z
    .object({ [name]: tokens.optional() } as Record<Name, z.ZodOptional<typeof tokens>>)
    .nullish()
    .catch(null);

const completionSchema = z.object({
  model: z.string().min(1).optional().catch(undefined),
  service_tier: z.string().nullish().catch(null),
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({ content: z.string().nullable(), refusal: z.string().nullish() }),
      }),
    )
    .min(1),
  // Some compatible servers count nothing: the call is then free as far as anybody can tell.
  usage: z
    .object({
      prompt_tokens: tokens,
      completion_tokens: tokens,
      prompt_tokens_details: tokenParts('cached_tokens'),
      completion_tokens_details: tokenParts('reasoning_tokens'),
    })
    .catch({ prompt_tokens: 0, completion_tokens: 0 }),
});

function usageOf(usage: z.infer<typeof completionSchema>['usage']): Usage {
  const cachedInputTokens = usage.prompt_tokens_details?.cached_tokens;
  const reasoningTokens = usage.completion_tokens_details?.reasoning_tokens;
  return {
    inputTokens: usage.prompt_tokens,
    outputTokens: usage.completion_tokens,
    ...(cachedInputTokens !== undefined && { cachedInputTokens }),
    ...(reasoningTokens !== undefined && { reasoningTokens }),
  };
}

/**
 * @throws ModelUnavailableError: the body is no completion; with a wrong content type the SDK hands it out as a string.
 * @throws UnusableSummaryError: a paid completion without a summary in it.
 */
function summaryAnswer(body: unknown, request: SummaryRequest, latencyMs: number): Omit<SummaryAnswer, 'limits'> {
  const parsed = completionSchema.safeParse(body);
  if (!parsed.success) {
    throw new ModelUnavailableError('The model endpoint answered 200 with something that is not a completion.', {
      code: 'invalid_response',
    });
  }
  const completion = parsed.data;
  const { finish_reason: finishReason, message } = completion.choices[0]!;
  const usage = usageOf(completion.usage);
  if (finishReason === 'content_filter') {
    throw new UnusableSummaryError('The endpoint’s content filter stopped the answer.', { code: 'content_filter', usage });
  }
  if (message.refusal) throw new UnusableSummaryError('The model refused to summarize these rows.', { code: 'refusal', usage });
  const text = message.content?.trim() ?? '';
  if (text === '') throw new UnusableSummaryError('The model answered without any text.', { code: 'empty', usage });
  return {
    text,
    finishReason: finishReason === 'length' ? 'length' : 'stop',
    model: completion.model ?? request.model,
    serviceTier: completion.service_tier ?? request.serviceTier,
    requestId: (body as { _request_id?: string | null })._request_id ?? null,
    usage,
    latencyMs,
  };
}
