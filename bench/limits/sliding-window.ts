import { duration, type RateLimiter, type RateLimits } from '../../local/model-server/rate-limits.ts';

const WINDOW_MS = 60_000;

/** An endpoint that admits so much in any sixty seconds: stricter than a bucket that refills, which admits twice as much in its first minute. */
export function slidingWindow({ requestsPerMinute, tokensPerMinute }: RateLimits): RateLimiter {
  const admitted: { atMs: number; tokens: number }[] = [];
  let tokensInWindow = 0;
  const forget = (nowMs: number) => {
    while (admitted[0] && admitted[0].atMs <= nowMs - WINDOW_MS) tokensInWindow -= admitted.shift()?.tokens ?? 0;
  };
  /** Milliseconds until a request of so many tokens fits. */
  const waitMs = (tokens: number, nowMs: number) => {
    let [requests, inWindow] = [admitted.length, tokensInWindow];
    for (const { atMs, tokens: some } of admitted) {
      if (requests < requestsPerMinute && inWindow + tokens <= tokensPerMinute) return Math.max(0, atMs - nowMs);
      requests--;
      inWindow -= some;
      if (requests < requestsPerMinute && inWindow + tokens <= tokensPerMinute) return atMs + WINDOW_MS - nowMs;
    }
    return 0;
  };
  return {
    take(tokens, nowMs) {
      forget(nowMs);
      if (admitted.length >= requestsPerMinute || tokensInWindow + tokens > tokensPerMinute)
        return Math.max(1, waitMs(tokens, nowMs)) / 1000;
      admitted.push({ atMs: nowMs, tokens });
      tokensInWindow += tokens;
      return 0;
    },
    headers(nowMs) {
      forget(nowMs);
      const reset = duration(Math.max(0, (admitted.at(-1)?.atMs ?? nowMs - WINDOW_MS) + WINDOW_MS - nowMs));
      return {
        'x-ratelimit-limit-requests': String(requestsPerMinute),
        'x-ratelimit-remaining-requests': String(Math.max(0, requestsPerMinute - admitted.length)),
        'x-ratelimit-reset-requests': reset,
        'x-ratelimit-limit-tokens': String(tokensPerMinute),
        'x-ratelimit-remaining-tokens': String(Math.max(0, tokensPerMinute - tokensInWindow)),
        'x-ratelimit-reset-tokens': reset,
      };
    },
  };
}
