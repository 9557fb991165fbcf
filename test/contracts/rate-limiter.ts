import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { RateDecision, RateLimiter } from '../../functions/shared/ports.ts';
import type { RateReservation } from '../../functions/shared/rate-feedback.ts';
import type { RateCall } from '../../functions/shared/rate-limit.ts';
import type { RateLimiterOptions } from '../../functions/shared/rate-limiter.ts';

export interface RateLimiterHome {
  /** Another process on the same table. */
  process(options: RateLimiterOptions): RateLimiter;
  close(): Promise<void>;
}

const START_MS = Date.UTC(2026, 10, 23, 12);

/** What every home of the rate limiter must do. Each test has a key of its own. */
export function rateLimiterContract(name: string, open: () => Promise<RateLimiterHome>): void {
  describe(`rate limiter: ${name}`, () => {
    let home: RateLimiterHome;
    let nowMs = START_MS;
    const process = (skewMs = 0) => home.process({ now: () => nowMs + skewMs, random: () => 0 });

    beforeAll(async () => {
      home = await open();
    });
    afterAll(() => home.close());
    beforeEach(() => {
      nowMs = START_MS;
    });

    const call = (changes: Partial<RateCall> = {}): RateCall => ({
      tokens: 1_000,
      requestsPerMinute: null,
      tokensPerMinute: null,
      ...changes,
    });
    const sixty = call({ requestsPerMinute: 60 });
    const reservationOf = (decision: RateDecision): RateReservation => {
      if (!decision.reserved) throw new Error(`Asked to come back in ${decision.waitSeconds} s.`);
      return decision.reservation;
    };
    const waitOf = async (limiter: RateLimiter, key: string, asked: RateCall) => (await limiter.reserve(key, asked)).waitSeconds;
    const take = async (limiter: RateLimiter, key: string, calls: number, asked: RateCall) => {
      const decisions = await Promise.all(Array.from({ length: calls }, () => limiter.reserve(key, asked)));
      return decisions.map((decision) => (decision.reserved ? decision.waitSeconds : undefined));
    };

    test('without limits every call goes at once', async () => {
      expect(await take(process(), 'unlimited', 200, call())).toEqual(new Array(200).fill(0));
    });

    test('a full bucket may be spent at once, then slots come at the limit’s pace, and those too far away are not given', async () => {
      const waits = await take(process(), 'paced', 62, sixty);
      // A minute's worth less 5 s (the headroom, and the band in which a bucket counts as full), then one slot a second.
      expect(waits.slice(0, 55)).toEqual(new Array(55).fill(0));
      expect(waits.slice(55)).toEqual([1, 2, 3, 4, 5, undefined, undefined]);
    });

    test('processes share the slots', async () => {
      const [one, two] = [process(), process()];
      await take(one, 'shared', 30, sixty);
      await take(two, 'shared', 25, sixty);
      expect(await waitOf(one, 'shared', sixty)).toBe(1);
      expect(await waitOf(two, 'shared', sixty)).toBe(2);
    });

    test('processes that ask at the same moment never get the same slot', async () => {
      const waits = await Promise.all(Array.from({ length: 58 }, () => process().reserve('crowd', sixty)));
      const granted = waits.map((decision) => (decision.reserved ? decision.waitSeconds : Number.NaN)).sort((a, b) => a - b);
      expect(granted.slice(55)).toEqual([1, 2, 3]);
    });

    test('those who find no slot come back one after the other', async () => {
      await take(process(), 'line', 60, sixty);
      const decisions = await Promise.all(Array.from({ length: 3 }, () => process().reserve('line', sixty)));
      expect(decisions.map((decision) => [decision.reserved, decision.waitSeconds]).sort()).toEqual([
        [false, 1],
        [false, 2],
        [false, 3],
      ]);
      nowMs += 1_000;
      // Who has waited goes first; a newcomer joins the line.
      expect(await process().reserve('line', sixty)).toMatchObject({ reserved: false, waitSeconds: 3 });
      expect(await process().reserve('line', { ...sixty, hasWaited: true })).toMatchObject({ reserved: true, waitSeconds: 5 });
    });

    test('tokens are limited as requests are, and what was estimated too high is given back', async () => {
      const asked = call({ tokensPerMinute: 60_000 });
      const limiter = process();
      const reservations = await Promise.all(Array.from({ length: 55 }, () => limiter.reserve('tokens', asked)));
      await limiter.settle(reservationOf(reservations[0]!), { limits: null, countedTokens: 200 });
      await limiter.settle(reservationOf(reservations[1]!), { limits: null, countedTokens: 800 });
      expect(await waitOf(limiter, 'tokens', asked)).toBe(0);
      expect(await waitOf(limiter, 'tokens', asked)).toBe(1);
    });

    test('corrections held back by a process that ends are flushed', async () => {
      const asked = call({ tokensPerMinute: 60_000 });
      const limiter = process();
      const reservations = await Promise.all(Array.from({ length: 55 }, () => limiter.reserve('flushed', asked)));
      await limiter.settle(reservationOf(reservations[0]!), { limits: null, countedTokens: 0 });
      await limiter.flush();
      await limiter.flush();
      const next = process();
      expect(await waitOf(next, 'flushed', asked)).toBe(0);
      expect(await waitOf(next, 'flushed', asked)).toBe(1);
    });

    test('limits and what is left of them are learned from an answer, by all processes', async () => {
      const limiter = process();
      const first = reservationOf(await limiter.reserve('learned', call()));
      await limiter.settle(first, { limits: { requests: { limit: 60, remaining: 9, resetSeconds: 51 } }, countedTokens: null });
      // Nine less the headroom of 3 s.
      expect(await take(process(), 'learned', 9, call())).toEqual([0, 0, 0, 0, 0, 0, 1, 2, 3]);
    });

    test('the lower of announced and configured limits counts', async () => {
      const limiter = process();
      const first = reservationOf(await limiter.reserve('lower', call()));
      await limiter.settle(first, { limits: { requests: { limit: 600, remaining: 599, resetSeconds: 0.1 } }, countedTokens: null });
      const waits = await take(limiter, 'lower', 58, sixty);
      expect(waits[55]).toBe(0);
      expect(waits[56]).toBeCloseTo(0.1, 3);
      expect(waits[57]).toBeCloseTo(1.1, 3);
    });

    test('a limit per day is told from one per minute, and its wait of hours is returned', async () => {
      const limiter = process();
      const first = reservationOf(await limiter.reserve('daily', call()));
      await limiter.settle(first, { limits: { requests: { limit: 24, remaining: 0, resetSeconds: 86_400 } }, countedTokens: null });
      // One request an hour, the headroom, less the wait that a function sits out itself.
      expect(await process().reserve('daily', call())).toEqual({ reserved: false, waitSeconds: 3_600 + 3 - 5 });
    });

    test('a refusal pauses everybody, also without limits', async () => {
      const limiter = process();
      const reservation = reservationOf(await limiter.reserve('paused', call()));
      const refusal = { retryAfterSeconds: 3, isSlowDown: false };
      await limiter.settle(reservation, { limits: null, countedTokens: null, refusal });
      expect(await process().reserve('paused', call())).toMatchObject({ reserved: true, waitSeconds: 3 });
      nowMs += 3_000;
      expect(await process().reserve('paused', call())).toMatchObject({ reserved: true, waitSeconds: 0 });
      const late = { retryAfterSeconds: 7_200, isSlowDown: false };
      await limiter.settle(reservation, { limits: null, countedTokens: null, refusal: late });
      // Two hours are not believed for longer than a quarter of an hour at a time.
      expect(await process().reserve('paused', call())).toMatchObject({ reserved: false, waitSeconds: 895 });
    });

    test('slow_down halves the rate, once for all calls under way, and it grows by half in a quarter of an hour', async () => {
      const limiter = process();
      const reservations = await Promise.all([1, 2, 3].map(() => limiter.reserve('slow', sixty)));
      for (const reservation of reservations) {
        const refusal = { retryAfterSeconds: 1, isSlowDown: true };
        await limiter.settle(reservationOf(reservation), { limits: null, countedTokens: null, refusal });
      }
      const pace = async () => {
        const waits = await take(process(), 'slow', 60, sixty);
        const paced = waits.filter((wait): wait is number => wait !== undefined && wait > 0);
        return paced[1]! - paced[0]!;
      };
      nowMs += 60_000;
      expect(await pace()).toBeCloseTo(2, 0);
      nowMs += 14 * 60_000;
      expect(await pace()).toBeCloseTo(2 / 1.5, 2);
      nowMs += 60 * 60_000;
      expect(await pace()).toBeCloseTo(1, 3);
    });

    test('a process whose clock is behind goes by the later clock', async () => {
      await take(process(3_000), 'skewed', 55, sixty);
      expect(await waitOf(process(-3_000), 'skewed', sixty)).toBe(1);
      expect(await waitOf(process(), 'skewed', sixty)).toBe(2);
    });

    test('a call larger than the whole limit goes when the bucket is full', async () => {
      const huge = call({ tokens: 1_000_000, tokensPerMinute: 60_000 });
      expect(await waitOf(process(), 'huge', huge)).toBe(0);
      expect(await process().reserve('huge', huge)).toMatchObject({ reserved: false });
      nowMs += 60_000;
      expect(await process().reserve('huge', { ...huge, hasWaited: true })).toMatchObject({ reserved: true });
    });

    test('endpoints and models have limits of their own', async () => {
      await take(process(), 'own-1', 60, sixty);
      expect(await waitOf(process(), 'own-2', sixty)).toBe(0);
    });
  });
}
