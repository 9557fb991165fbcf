import type { RateLimiter } from '../functions/shared/ports.ts';
import { applied, freshState, type RateState } from '../functions/shared/rate-limit.ts';
import { type RateLimiterOptions, type RateTable, rateLimiter } from '../functions/shared/rate-limiter.ts';

export function memoryRateTable(): RateTable {
  const states = new Map<string, RateState>();
  return {
    read: async (key) => states.get(key),
    async update(key, change) {
      const next = applied(states.get(key) ?? freshState, change);
      if (next) states.set(key, next);
      return { isApplied: next !== undefined, state: states.get(key) };
    },
  };
}

/** What the runs of this process share. What an endpoint has left after a restart is learned from its first answer. */
export const memoryRateLimiter = (options?: RateLimiterOptions): RateLimiter => rateLimiter(memoryRateTable(), options);
