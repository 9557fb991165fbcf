import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Control, SpendRequest } from '../../functions/shared/ports.ts';

export interface ControlHome {
  control: Control;
  close(): Promise<void>;
}

/** What every home of the control port must do. Each test has a run of its own. */
export function controlContract(name: string, open: () => Promise<ControlHome>): void {
  describe(`control: ${name}`, () => {
    let home: ControlHome;
    let control: Control;

    beforeAll(async () => {
      home = await open();
      control = home.control;
    });
    afterAll(() => home.close());

    const spend = (runId: string, changes: Partial<SpendRequest> = {}): SpendRequest => ({
      runId,
      attempt: 1,
      reserveUsd: 0.1,
      capUsd: 1,
      ...changes,
    });
    const overBudget = { granted: false, stopReason: 'budget_exceeded' };
    const granted = { granted: true };

    test('grants up to the cap exactly, without the drift of floating point', async () => {
      // 0.1 + 0.1 + 0.1 is more than 0.3 in floating point.
      const request = spend('exact', { capUsd: 0.3 });
      for (let call = 0; call < 3; call += 1) expect(await control.reserve(request)).toEqual(granted);
      expect(await control.reserve({ ...request, reserveUsd: 0.000000001 })).toEqual(overBudget);
    });

    test('refuses a first call above the cap, and everything above a cap of 0', async () => {
      expect(await control.reserve(spend('first', { reserveUsd: 1.1 }))).toEqual(overBudget);
      expect(await control.reserve(spend('zero', { reserveUsd: 0.01, capUsd: 0 }))).toEqual(overBudget);
      expect(await control.reserve(spend('zero', { reserveUsd: 0, capUsd: 0 }))).toEqual(granted);
    });

    test('a refused reservation costs nothing', async () => {
      expect(await control.reserve(spend('refused', { reserveUsd: 2 }))).toEqual(overBudget);
      expect(await control.reserve(spend('refused', { reserveUsd: 1 }))).toEqual(granted);
    });

    test('without a cap grants everything', async () => {
      expect(await control.reserve(spend('uncapped', { reserveUsd: 1_000_000, capUsd: null }))).toEqual(granted);
      expect(await control.reserve(spend('uncapped', { reserveUsd: 0, capUsd: null }))).toEqual(granted);
    });

    test('concurrent reservations never exceed the cap', async () => {
      const decisions = await Promise.all(Array.from({ length: 50 }, () => control.reserve(spend('crowd', { capUsd: 2.05 }))));
      expect(decisions.filter((decision) => decision.granted)).toHaveLength(20);
      expect(decisions.filter((decision) => !decision.granted)).toEqual(Array.from({ length: 30 }, () => overBudget));
    });

    test('settling gives back what a call did not cost', async () => {
      const request = spend('cheaper', { reserveUsd: 1 });
      await control.reserve(request);
      await control.settle(request, 0.4);
      expect(await control.reserve(spend('cheaper', { reserveUsd: 0.6 }))).toEqual(granted);
      expect(await control.reserve(spend('cheaper', { reserveUsd: 0.000001 }))).toEqual(overBudget);
    });

    test('settling adds what a call cost above its reservation', async () => {
      const request = spend('dearer', { reserveUsd: 0 });
      await control.reserve(request);
      await control.settle(request, 1.5);
      expect(await control.reserve(request)).toEqual(overBudget);
    });

    test('concurrent settlements lose nothing', async () => {
      const requests = Array.from({ length: 20 }, () => spend('settled'));
      await Promise.all(requests.map((request) => control.reserve({ ...request, capUsd: null })));
      await Promise.all(requests.map((request) => control.settle(request, 0.05)));
      expect(await control.reserve(spend('settled', { reserveUsd: 0.000001 }))).toEqual(overBudget);
      expect(await control.reserve(spend('settled', { reserveUsd: 0, capUsd: 1 }))).toEqual(granted);
    });

    test('runs spend their own money', async () => {
      await control.reserve(spend('one', { reserveUsd: 1 }));
      expect(await control.reserve(spend('other', { reserveUsd: 1 }))).toEqual(granted);
    });

    test('money is the run’s over all its attempts', async () => {
      await control.reserve(spend('resumed', { reserveUsd: 0.8 }));
      expect(await control.reserve(spend('resumed', { attempt: 2, reserveUsd: 0.3 }))).toEqual(overBudget);
      expect(await control.reserve(spend('resumed', { attempt: 2, reserveUsd: 0.3, capUsd: 2 }))).toEqual(granted);
    });

    test('a halted attempt gets nothing more, and says why', async () => {
      await control.halt('halted', 1, 'insufficient_quota');
      expect(await control.reserve(spend('halted'))).toEqual({ granted: false, stopReason: 'insufficient_quota' });
      expect(await control.reserve(spend('halted', { capUsd: null }))).toEqual({ granted: false, stopReason: 'insufficient_quota' });
      expect(await control.stopReason('halted', 1)).toBe('insufficient_quota');
    });

    test('the halt is the reason even where the budget is gone too', async () => {
      await control.reserve(spend('both', { reserveUsd: 1 }));
      await control.halt('both', 1, 'breaker');
      expect(await control.reserve(spend('both', { reserveUsd: 9 }))).toEqual({ granted: false, stopReason: 'breaker' });
    });

    test('the first reason of an attempt stays', async () => {
      await control.halt('twice', 1, 'user');
      await control.halt('twice', 1, 'breaker');
      expect(await control.stopReason('twice', 1)).toBe('user');
    });

    test('a halt stops neither the next attempt nor another run, even when it comes late', async () => {
      await control.halt('next', 1, 'user');
      expect(await control.stopReason('next', 2)).toBeUndefined();
      expect(await control.reserve(spend('next', { attempt: 2 }))).toEqual(granted);
      await control.halt('next', 2, 'breaker');
      await control.halt('next', 1, 'insufficient_quota');
      expect(await control.stopReason('next', 1)).toBe('user');
      expect(await control.stopReason('next', 2)).toBe('breaker');
      expect(await control.stopReason('nobody', 1)).toBeUndefined();
    });

    test('settling works in a halted attempt: the call was under way', async () => {
      const request = spend('late', { reserveUsd: 1 });
      await control.reserve(request);
      await control.halt('late', 1, 'user');
      await control.settle(request, 0.5);
      expect(await control.reserve(spend('late', { attempt: 2, reserveUsd: 0.5 }))).toEqual(granted);
      expect(await control.reserve(spend('late', { attempt: 2, reserveUsd: 0.1 }))).toEqual(overBudget);
    });
  });
}
