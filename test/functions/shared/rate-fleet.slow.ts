import { describe, expect, test } from '@jest/globals';
import { type FleetFigures, type FleetOptions, runFleet } from './rate-fleet.ts';

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
    // Nothing but the table's latency.
    expect(figures.longestWaitSeconds).toBeLessThan(0.1);
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
