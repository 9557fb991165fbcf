import type { RateLimiter } from '../../../functions/shared/ports.ts';
import { providerLimits } from '../../../functions/shared/rate-headers.ts';
import type { RateChange } from '../../../functions/shared/rate-limit.ts';
import { type RateTable, rateLimiter } from '../../../functions/shared/rate-limiter.ts';
import { memoryRateTable } from '../../../local/memory-rate-limiter.ts';
import {
  type RateLimiter as ProviderBuckets,
  rateLimiter as providerBuckets,
  type RateLimits,
} from '../../../local/model-server/rate-limits.ts';
import { VirtualTime } from '../../fakes/virtual-time.ts';

export interface FleetOptions {
  provider: RateLimits;
  /** How the endpoint counts. @default buckets that refill steadily */
  bucketsOf?: (limits: RateLimits) => ProviderBuckets;
  /** What each process has in place of the shared limiter. */
  limiterOf?: (random: () => number) => RateLimiter;
  /** Workers of each run. */
  runs: readonly number[];
  minutes: number;
  /** One process a worker, or one for all of them. @default false */
  isOneProcess?: boolean;
  /** Calls come back from their wait as if they had not waited. @default false */
  isForgetful?: boolean;
  /** Tokens that the endpoint counts for a call, and what was estimated. @default 1,000 of 1,500 */
  countedTokens?: number;
  estimatedTokens?: number;
  /** Seconds by which a worker's clock is ahead. @default 0 */
  clockSkewSeconds?: (worker: number) => number;
  /** Requests a minute that somebody else makes, from when to when. */
  others?: { perMinute: number; fromMinute: number; untilMinute: number };
  /** New limits from a minute on. */
  lowered?: { atMinute: number; provider: RateLimits };
  /** Answers `slow_down` from a minute on while more than that many requests come in a minute. */
  slowDown?: { atMinute: number; requestsPerMinute: number };
  configured?: { requestsPerMinute: number | null; tokensPerMinute: number | null };
}

export interface FleetFigures {
  /** Calls that the endpoint has admitted, of each run. */
  admitted: number[];
  /** Calls that any run has sent, and those refused. */
  sent: number;
  refused: number;
  othersAdmitted: number;
  othersRefused: number;
  /** Admitted calls in each minute, of all runs. */
  byMinute: number[];
  refusedByMinute: number[];
  /** Times that a call asked for a slot, steps on the table, and those that failed. */
  asks: number;
  reads: number;
  updates: number;
  failedUpdates: number;
  /** Longest that one call waited for its slot. */
  longestWaitSeconds: number;
}

const START_MS = Date.UTC(2026, 10, 23, 12);
const KEY = 'rate#endpoint#model';
const NETWORK_SECONDS = 0.03;
const TABLE_SECONDS = 0.008;
/** What a Wait state and a new invocation take beside the wait. */
const WORKFLOW_SECONDS = 0.3;

/** What a fleet of workers gets out of an endpoint's limits, in virtual time. */
export async function runFleet(options: FleetOptions): Promise<FleetFigures> {
  const { countedTokens = 1_000, estimatedTokens = 1_500, bucketsOf = providerBuckets, limiterOf } = options;
  const time = new VirtualTime(START_MS);
  const endMs = START_MS + options.minutes * 60_000;
  const minute = () => Math.floor((time.now() - START_MS) / 60_000);
  const random = seeded(42);
  const figures: FleetFigures = {
    admitted: options.runs.map(() => 0),
    sent: 0,
    refused: 0,
    othersAdmitted: 0,
    othersRefused: 0,
    byMinute: new Array(options.minutes).fill(0),
    refusedByMinute: new Array(options.minutes).fill(0),
    asks: 0,
    reads: 0,
    updates: 0,
    failedUpdates: 0,
    longestWaitSeconds: 0,
  };

  let buckets = bucketsOf(options.provider);
  let isLowered = false;
  let recent: number[] = [];
  /** What the endpoint says at once: seconds to wait, or 0. */
  function admit(tokens: number): { waitSeconds: number; isSlowDown: boolean } {
    const { lowered, slowDown } = options;
    if (lowered && !isLowered && minute() >= lowered.atMinute) {
      isLowered = true;
      buckets = bucketsOf(lowered.provider);
      // The new buckets are as empty as the old ones are by then.
      while (buckets.take(tokens, time.now()) === 0);
    }
    if (slowDown && minute() >= slowDown.atMinute) {
      recent = recent.filter((ms) => ms > time.now() - 60_000);
      if (recent.length >= slowDown.requestsPerMinute) return { waitSeconds: 1, isSlowDown: true };
      recent.push(time.now());
    }
    return { waitSeconds: buckets.take(tokens, time.now()), isSlowDown: false };
  }

  const shared = memoryRateTable();
  const table: RateTable = {
    async read(key) {
      figures.reads += 1;
      await time.sleep(TABLE_SECONDS * random());
      const state = await shared.read(key);
      await time.sleep(TABLE_SECONDS * random());
      return state;
    },
    async update(key, change: RateChange) {
      figures.updates += 1;
      await time.sleep(TABLE_SECONDS * random());
      const result = await shared.update(key, change);
      if (!result.isApplied) figures.failedUpdates += 1;
      await time.sleep(TABLE_SECONDS * random());
      return result;
    },
  };

  async function work(run: number, limiter: RateLimiter): Promise<void> {
    await time.sleep(random());
    const call = { tokens: estimatedTokens, requestsPerMinute: null, tokensPerMinute: null, ...options.configured };
    for (;;) {
      const askedAtMs = time.now();
      figures.asks += 1;
      let decision = await limiter.reserve(KEY, call);
      while (!decision.reserved) {
        if (!options.isOneProcess) await limiter.flush();
        await time.sleep(decision.waitSeconds + WORKFLOW_SECONDS);
        figures.asks += 1;
        decision = await limiter.reserve(KEY, { ...call, hasWaited: !options.isForgetful });
      }
      await time.sleep(decision.waitSeconds);
      figures.longestWaitSeconds = Math.max(figures.longestWaitSeconds, (time.now() - askedAtMs) / 1000);
      await time.sleep(NETWORK_SECONDS * (1 + random()));
      const { waitSeconds, isSlowDown } = admit(countedTokens);
      figures.sent += 1;
      if (waitSeconds > 0) {
        figures.refused += 1;
        figures.refusedByMinute[minute()]! += 1;
      } else {
        figures.admitted[run]! += 1;
        figures.byMinute[minute()]! += 1;
        await time.sleep(0.5 + 2 * random());
      }
      const limits = providerLimits(new Headers(buckets.headers(time.now())));
      const refusal = { retryAfterSeconds: Math.max(1, Math.ceil(waitSeconds)), isSlowDown };
      await limiter.settle(decision.reservation, {
        limits,
        countedTokens: waitSeconds > 0 ? null : countedTokens,
        ...(waitSeconds > 0 && { refusal }),
      });
    }
  }

  async function others({ perMinute, fromMinute, untilMinute }: NonNullable<FleetOptions['others']>): Promise<void> {
    await time.sleep(fromMinute * 60);
    while (time.now() < START_MS + untilMinute * 60_000) {
      if (buckets.take(countedTokens, time.now()) === 0) figures.othersAdmitted += 1;
      else figures.othersRefused += 1;
      await time.sleep((60 / perMinute) * 2 * random());
    }
  }

  const processOf = (worker: number) => {
    if (limiterOf) return limiterOf(random);
    const skewMs = (options.clockSkewSeconds?.(worker) ?? 0) * 1000;
    return rateLimiter(table, { now: () => time.now() + skewMs, random });
  };
  const one = processOf(0);
  let worker = 0;
  for (const [run, workers] of options.runs.entries()) {
    for (let index = 0; index < workers; index++) {
      void work(run, options.isOneProcess ? one : processOf(worker));
      worker += 1;
    }
  }
  if (options.others) void others(options.others);
  await time.runUntil(endMs - 1);
  return figures;
}

/** mulberry32: the same figures on every machine. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
