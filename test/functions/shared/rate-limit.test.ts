import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import {
  applied,
  freshState,
  HEADROOM_MS,
  planRefusals,
  planReservation,
  type RateCall,
  type RateState,
  slotsGiven,
} from '../../../functions/shared/rate-limit.ts';
import { type FleetFigures, type FleetOptions, runFleet } from './rate-fleet.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const call: RateCall = { tokens: 1_000, requestsPerMinute: 600, tokensPerMinute: null };

describe('a plan', () => {
  test('takes the same slots when others were faster, as long as these are near enough', () => {
    const state: RateState = { ...freshState, tatMs: { requests: NOW - 20_000 } };
    const plan = planReservation(state, [call, call], {}, NOW);
    const others = { ...state, tatMs: { requests: NOW - 1_000 } };
    const after = applied(others, plan.change!)!;
    expect(slotsGiven(after, [call, call], plan.takenMs, NOW).map(({ startMs }) => startMs - NOW)).toEqual([
      HEADROOM_MS - 900,
      HEADROOM_MS - 800,
    ]);
    expect(applied({ ...state, tatMs: { requests: NOW + 2_000 } }, plan.change!)).toBeUndefined();
  });

  test('fails when the terms have changed, or when its clock is behind', () => {
    const state: RateState = { ...freshState, tatMs: { requests: NOW }, revision: 3 };
    const { change } = planReservation(state, [call], {}, NOW);
    expect(applied(state, change!)).toBeDefined();
    expect(applied({ ...state, revision: 4 }, change!)).toBeUndefined();
    expect(applied({ ...state, clockMs: NOW + 1_000 }, change!)).toBeUndefined();
  });

  test('two who find the bucket full do not both fill it', () => {
    const plan = planReservation(freshState, [call], {}, NOW);
    const after = applied(freshState, plan.change!)!;
    expect(applied(after, plan.change!)).toBeUndefined();
  });

  test('the allowance is never exceeded, whatever is asked for when', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 4_000 }), fc.integer({ min: 1, max: 20_000 })), { maxLength: 200 }),
        (asks) => {
          let state = freshState;
          let nowMs = NOW;
          const started: { startMs: number; tokens: number }[] = [];
          for (const [laterMs, tokens] of asks) {
            nowMs += laterMs;
            const asked: RateCall = { tokens, requestsPerMinute: 60, tokensPerMinute: 100_000 };
            const plan = planReservation(state, [asked], {}, nowMs);
            if (plan.granted === 0) continue;
            state = applied(state, plan.change!)!;
            started.push({ startMs: slotsGiven(state, [asked], plan.takenMs, nowMs)[0]!.startMs, tokens });
          }
          // A bucket of the endpoint, as it sees the calls start.
          started.sort((a, b) => a.startMs - b.startMs);
          let [requests, left, seenMs] = [60, 100_000, NOW];
          for (const { startMs, tokens } of started) {
            requests = Math.min(60, requests + (startMs - seenMs) / 1000) - 1;
            left = Math.min(100_000, left + ((startMs - seenMs) / 60_000) * 100_000) - tokens;
            seenMs = startMs;
            if (requests < 0 || left < 0) return false;
          }
          return true;
        },
      ),
    );
  });

  test('the line does not grow without end, so that nobody is sent away for long when those in front give up', () => {
    const state: RateState = { ...freshState, tatMs: { requests: NOW + 3_000 }, lineMs: NOW + 200_000 };
    const { slots } = planReservation(state, [call], {}, NOW);
    expect(planRefusals(state, slots, NOW).line).toBeUndefined();
  });
});

describe('a fleet of 100 workers on an endpoint', () => {
  const plenty = 100_000_000;
  const common: FleetOptions = { provider: { requestsPerMinute: 600, tokensPerMinute: plenty }, runs: [50, 50], minutes: 10 };
  /** A full bucket and what flows into it, in calls. */
  const allowance = 600 * 11;
  const used = ({ admitted }: FleetFigures) => admitted.reduce((sum, calls) => sum + calls, 0) / allowance;
  const refusedPart = ({ refused, sent }: FleetFigures) => refused / sent;
  const expectFair = ({ admitted: [one, two] }: FleetFigures) => {
    expect(Math.abs(one! - two!) / Math.max(one!, two!)).toBeLessThan(0.1);
  };

  test.each<[string, Partial<FleetOptions>]>([
    ['each worker a process', {}],
    ['workers that do not say that they have waited', { isForgetful: true }],
    ['one process', { isOneProcess: true }],
    ['twice as many workers', { runs: [100, 100] }],
    ['tokens as the tighter limit', { provider: { requestsPerMinute: 6_000, tokensPerMinute: 600_000 } }],
    ['clocks that differ by up to 3 s either way', { clockSkewSeconds: (worker) => (worker % 7) - 3 }],
    ['a run whose clocks are 6 s behind the other’s', { clockSkewSeconds: (worker) => (worker < 50 ? -3 : 3) }],
    ['clocks an hour apart', { clockSkewSeconds: (worker) => (worker === 7 ? 3_600 : 0) }],
  ])('uses the allowance and shares it: %s', async (_name, changes) => {
    const figures = await runFleet({ ...common, ...changes });
    expect(used(figures)).toBeGreaterThanOrEqual(0.95);
    expect(used(figures)).toBeLessThanOrEqual(1);
    expect(refusedPart(figures)).toBeLessThanOrEqual(0.03);
    expectFair(figures);
    // One step for a slot, one for joining the line; the reads come from processes that have waited.
    expect(figures.updates / figures.sent).toBeLessThan(2.7);
  });

  test('that uses less than the allowance takes one step a call', async () => {
    const figures = await runFleet({ ...common, runs: [6, 6], isOneProcess: true });
    expect(figures.refused).toBe(0);
    expect(figures.updates / figures.sent).toBeLessThan(1.05);
    expect(figures.longestWaitSeconds).toBe(0);
  });

  test('a crowd of 1,000 neither starves anybody nor storms the table', async () => {
    const figures = await runFleet({ ...common, runs: [900, 100] });
    expect(used(figures)).toBeGreaterThanOrEqual(0.95);
    expect(refusedPart(figures)).toBeLessThanOrEqual(0.03);
    expect(figures.admitted[1]! / (figures.admitted[0]! + figures.admitted[1]!)).toBeCloseTo(0.1, 1);
    expect(figures.updates / figures.sent).toBeLessThan(2.7);
    // 1,000 workers at 10 calls a second wait for 100 s on average.
    expect(figures.longestWaitSeconds).toBeLessThan(300);
  });

  test('follows limits that are lowered on the way', async () => {
    const figures = await runFleet({ ...common, lowered: { atMinute: 5, provider: { requestsPerMinute: 300, tokensPerMinute: plenty } } });
    expect(refusedPart(figures)).toBeLessThanOrEqual(0.03);
    for (const calls of figures.byMinute.slice(6)) expect(calls).toBeGreaterThanOrEqual(0.95 * 300);
    expectFair(figures);
  });

  test('stays below limits that are set', async () => {
    const figures = await runFleet({ ...common, configured: { requestsPerMinute: 300, tokensPerMinute: null } });
    for (const calls of figures.byMinute.slice(1)) expect(calls).toBeLessThanOrEqual(301);
    for (const calls of figures.byMinute.slice(1)) expect(calls).toBeGreaterThanOrEqual(0.95 * 300);
  });

  test('halves its rate at slow_down and grows slowly', async () => {
    const figures = await runFleet({ ...common, minutes: 20, slowDown: { atMinute: 5, requestsPerMinute: 450 } });
    expect(refusedPart(figures)).toBeLessThanOrEqual(0.03);
    const [, , ...after] = figures.byMinute.slice(5);
    expect(after[0]! / 600).toBeCloseTo(0.5, 1);
    expect(after.at(-1)!).toBeLessThanOrEqual(1.5 * after[0]!);
    expect(after.at(-1)!).toBeGreaterThan(1.3 * after[0]!);
  });

  test('leaves others what they take, and takes it back when they stop', async () => {
    const figures = await runFleet({ ...common, minutes: 20, others: { perMinute: 300, fromMinute: 3, untilMinute: 10 } });
    expect(refusedPart(figures)).toBeLessThanOrEqual(0.03);
    for (const calls of figures.byMinute.slice(5, 10)) expect(calls).toBeGreaterThan(0.8 * 300);
    for (const calls of figures.byMinute.slice(15)) expect(calls).toBeGreaterThan(0.8 * 600);
    expect(figures.othersRefused / (figures.othersAdmitted + figures.othersRefused)).toBeLessThan(0.03);
  });

  test('finds others at work from the first call on', async () => {
    const figures = await runFleet({ ...common, others: { perMinute: 300, fromMinute: 0, untilMinute: 10 } });
    const total = figures.admitted[0]! + figures.admitted[1]! + figures.othersAdmitted;
    expect(total / allowance).toBeGreaterThanOrEqual(0.95);
    expect(refusedPart(figures)).toBeLessThanOrEqual(0.03);
  });
});
