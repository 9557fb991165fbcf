import { ContextOverflowError, ModelRequestError, ModelThrottledError } from '../shared/errors.ts';
import type { RateLimiter, SummaryAnswer, SummaryRequest } from '../shared/ports.ts';
import { rateKey } from '../shared/rate-limiter.ts';
import { inputTokensEstimate } from './prompt.ts';
import { isTierRefusal } from './service-tier.ts';
import type { BatchTask, SummarizeBatchPorts } from './summarize-batch.ts';

/** The next slot under the shared rate limit is too far away to wait for it here. */
export class RateWait extends Error {
  override readonly name = 'RateWait';
  readonly seconds: number;

  constructor(seconds: number) {
    super(`The next slot is ${seconds} s away`);
    this.seconds = seconds;
  }
}

/** How a call ended: with an answer, usable or not, or with what was thrown; null where it was not made. */
export type CallEnd = null | { usage: SummaryAnswer['usage']; limits: SummaryAnswer['limits'] } | { error: unknown };

/**
 * Takes a slot for one call and waits until it starts. @returns what is to be called when the call has ended.
 * @throws RateWait: no slot starts soon.
 */
export async function takeRateSlot(
  { run, hasWaited }: BatchTask,
  request: SummaryRequest,
  { rate, clock }: Pick<SummarizeBatchPorts, 'rate' | 'clock'>,
  signal?: AbortSignal,
): Promise<(end: CallEnd) => Promise<void>> {
  const { requestsPerMinute, tokensPerMinute } = run.settings;
  const tokens = inputTokensEstimate(request) + request.maxOutputTokens;
  const slot = await rate.reserve(rateKey(run.endpoint, request.model), { tokens, requestsPerMinute, tokensPerMinute, hasWaited });
  if (!slot.reserved) throw new RateWait(slot.waitSeconds);
  if (slot.waitSeconds > 0) await clock.sleep(slot.waitSeconds, signal);
  return (end) => rate.settle(slot.reservation, lesson(end, request));
}

type Lesson = Parameters<RateLimiter['settle']>[1];

/** What the limiter learns from the end of a call. Endpoints count the output that was allowed, not the output that came. */
function lesson(end: CallEnd, request: SummaryRequest): Lesson {
  if (end === null) return { limits: null, countedTokens: 0 };
  if ('usage' in end) {
    const { inputTokens } = end.usage;
    return { limits: end.limits, countedTokens: inputTokens > 0 ? inputTokens + request.maxOutputTokens : null };
  }
  const { error } = end;
  // A tier without room says nothing of the limit, and must not make the standard tier wait.
  if (error instanceof ModelThrottledError && !isTierRefusal(request, error)) {
    const refusal = { retryAfterSeconds: error.retryAfterSeconds, isSlowDown: error.code === 'slow_down' };
    return { limits: error.limits, countedTokens: null, refusal };
  }
  const wasRefusedUncounted = error instanceof ContextOverflowError || error instanceof ModelRequestError || isTierRefusal(request, error);
  return { limits: null, countedTokens: wasRefusedUncounted ? 0 : null };
}
