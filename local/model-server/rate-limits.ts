/** The limits that the server announces in its headers and enforces with 429; without them it takes whatever comes. */
export interface RateLimits {
  requestsPerMinute: number;
  /** Prompt tokens plus the output tokens that a request may use. */
  tokensPerMinute: number;
}

export interface RateLimiter {
  /** Takes one request of `tokens` at `nowMs`, or nothing: 0 if it was admitted, else the seconds until it would be. */
  take(tokens: number, nowMs: number): number;
  /** `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` at `nowMs`. */
  headers(nowMs: number): Record<string, string>;
}

/** Two buckets that start full, refill steadily and hold one minute's worth. */
export const rateLimiter = (limits: RateLimits): RateLimiter => {
  const requests = bucket(limits.requestsPerMinute);
  const tokens = bucket(limits.tokensPerMinute);
  return {
    take(tokenCount, nowMs) {
      const waitSeconds = Math.max(requests.waitSeconds(1, nowMs), tokens.waitSeconds(tokenCount, nowMs));
      if (waitSeconds > 0) return waitSeconds;
      requests.spend(1);
      tokens.spend(tokenCount);
      return 0;
    },
    headers: (nowMs) => ({ ...requests.headers('requests', nowMs), ...tokens.headers('tokens', nowMs) }),
  };
};

interface Bucket {
  waitSeconds(amount: number, nowMs: number): number;
  spend(amount: number): void;
  headers(unit: string, nowMs: number): Record<string, string>;
}

const bucket = (perMinute: number): Bucket => {
  const perMs = perMinute / 60_000;
  let level = perMinute;
  let filledAtMs = Number.NEGATIVE_INFINITY;
  const refill = (nowMs: number): void => {
    level = Math.min(perMinute, level + Math.max(0, nowMs - filledAtMs) * perMs);
    filledAtMs = nowMs;
  };
  return {
    waitSeconds(amount, nowMs) {
      refill(nowMs);
      return Math.max(0, (amount - level) / perMs / 1000);
    },
    spend(amount) {
      level -= amount;
    },
    headers(unit, nowMs) {
      refill(nowMs);
      return {
        [`x-ratelimit-limit-${unit}`]: String(perMinute),
        [`x-ratelimit-remaining-${unit}`]: String(Math.max(0, Math.floor(level))),
        [`x-ratelimit-reset-${unit}`]: duration(Math.ceil((perMinute - level) / perMs)),
      };
    },
  };
};

/** A duration as OpenAI writes it: `12ms`, `1.5s`, `6m0s`. */
export const duration = (ms: number): string => {
  if (ms < 1000) return `${ms}ms`;
  const minutes = Math.floor(ms / 60_000);
  const seconds = (ms - minutes * 60_000) / 1000;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
};
