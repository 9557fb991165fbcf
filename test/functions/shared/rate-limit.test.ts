import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
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
import { runFleet } from './rate-fleet.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const call: RateCall = { tokens: 1_000, requestsPerMinute: 600, tokensPerMinute: null };

/** Whether an endpoint with a bucket of 60 requests and 100,000 tokens a minute admits every call when its slot starts. */
function isWithinAllowance(asks: readonly { laterMs: number; tokens: number }[]): boolean {
  let state = freshState;
  let nowMs = NOW;
  const started: { startMs: number; tokens: number }[] = [];
  for (const { laterMs, tokens } of asks) {
    nowMs += laterMs;
    const asked: RateCall = { tokens, requestsPerMinute: 60, tokensPerMinute: 100_000 };
    const { change, takenMs, granted } = planReservation(state, [asked], {}, nowMs);
    if (granted === 0) continue;
    state = applied(state, change!)!;
    started.push({ startMs: slotsGiven(state, [asked], takenMs, nowMs)[0]!.startMs, tokens });
  }
  started.sort((a, b) => a.startMs - b.startMs);
  let [requestsLeft, tokensLeft, seenMs] = [60, 100_000, NOW];
  for (const { startMs, tokens } of started) {
    requestsLeft = Math.min(60, requestsLeft + (startMs - seenMs) / 1000) - 1;
    tokensLeft = Math.min(100_000, tokensLeft + ((startMs - seenMs) / 60_000) * 100_000) - tokens;
    seenMs = startMs;
    if (requestsLeft < 0 || tokensLeft < 0) return false;
  }
  return true;
}

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
    const asks = fc.array(fc.record({ laterMs: fc.integer({ min: 0, max: 4_000 }), tokens: fc.integer({ min: 1, max: 20_000 }) }), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(asks, (all) => {
        expect(isWithinAllowance(all)).toBe(true);
      }),
    );
  });

  test('the line does not grow without end, so that nobody is sent away for long when those in front give up', () => {
    const state: RateState = { ...freshState, tatMs: { requests: NOW + 3_000 }, lineMs: NOW + 200_000 };
    const { slots } = planReservation(state, [call], {}, NOW);
    expect(planRefusals(state, slots, NOW).line).toBeUndefined();
  });
});

test('two runs of 50 workers each use an endpoint’s allowance up, share it, and are not refused', async () => {
  const figures = await runFleet({ provider: { requestsPerMinute: 600, tokensPerMinute: 100_000_000 }, runs: [50, 50], minutes: 3 });
  const [one = 0, two = 0] = figures.admitted;
  expect((one + two) / (600 * 4)).toBeGreaterThanOrEqual(0.95);
  expect(figures.refused).toBe(0);
  expect(Math.abs(one - two) / Math.max(one, two)).toBeLessThan(0.1);
});
