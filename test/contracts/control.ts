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
      day: '2026-11-26',
      ...changes,
    });
    const overBudget = { granted: false, stopReason: 'budget_exceeded' };
    /** It would fit if the calls in flight cost nothing. */
    const notYet = { granted: false, stopReason: null, heldBy: 'budget_exceeded' };
    const granted = { granted: true };
    /** One call that cost what was reserved. */
    const pay = async (runId: string, usd: number) => {
      const request = spend(runId, { reserveUsd: usd });
      expect(await control.reserve(request)).toEqual(granted);
      await control.settle(request, usd);
    };

    test('grants up to the cap exactly, without the drift of floating point', async () => {
      // 0.1 + 0.1 + 0.1 is more than 0.3 in floating point.
      const request = spend('exact', { capUsd: 0.3 });
      for (let call = 0; call < 3; call += 1) expect(await control.reserve(request)).toEqual(granted);
      const least = { ...request, reserveUsd: 0.000000001 };
      expect(await control.reserve(least)).toEqual(notYet);
      for (let call = 0; call < 3; call += 1) await control.settle(request, 0.1);
      expect(await control.reserve(least)).toEqual(overBudget);
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
      expect(decisions.filter((decision) => !decision.granted)).toEqual(Array.from({ length: 30 }, () => notYet));
    });

    test('settling gives back what a call did not cost', async () => {
      const request = spend('cheaper', { reserveUsd: 1 });
      await control.reserve(request);
      await control.settle(request, 0.4);
      await pay('cheaper', 0.6);
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
      await pay('resumed', 0.8);
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
      const next = spend('late', { attempt: 2, reserveUsd: 0.5 });
      expect(await control.reserve(next)).toEqual(granted);
      await control.settle(next, 0.5);
      expect(await control.reserve(spend('late', { attempt: 2, reserveUsd: 0.1 }))).toEqual(overBudget);
    });

    describe('a cap that calls in flight hold', () => {
      test('may be asked for again: what they do not cost is given back', async () => {
        const [one, other] = [spend('flight', { reserveUsd: 0.5 }), spend('flight', { reserveUsd: 0.6 })];
        await control.reserve(one);
        expect(await control.reserve(other)).toEqual(notYet);
        await control.settle(one, 0.4);
        expect(await control.reserve(other)).toEqual(granted);
      });

      test('is exceeded for good when they have cost it', async () => {
        const [one, other] = [spend('landed', { reserveUsd: 0.5 }), spend('landed', { reserveUsd: 0.6 })];
        await control.reserve(one);
        expect(await control.reserve(other)).toEqual(notYet);
        await control.settle(one, 0.5);
        expect(await control.reserve(other)).toEqual(overBudget);
      });

      test('is exceeded for good by a call that would not even fit without them', async () => {
        await pay('beyond', 0.5);
        await control.reserve(spend('beyond', { reserveUsd: 0.3 }));
        expect(await control.reserve(spend('beyond', { reserveUsd: 0.5 }))).toEqual(notYet);
        expect(await control.reserve(spend('beyond', { reserveUsd: 0.500001 }))).toEqual(overBudget);
      });

      test('is not held by calls that were refused, nor by calls that are over', async () => {
        expect(await control.reserve(spend('over', { reserveUsd: 2 }))).toEqual(overBudget);
        await pay('over', 0.9);
        const dearer = spend('over', { reserveUsd: 0 });
        await control.reserve(dearer);
        await control.settle(dearer, 0.05);
        expect(await control.reserve(spend('over', { reserveUsd: 0.1 }))).toEqual(overBudget);
        expect(await control.reserve(spend('over', { reserveUsd: 0.05 }))).toEqual(granted);
      });

      test('is held by the calls of all attempts, and never by those of another run', async () => {
        await control.reserve(spend('shared', { reserveUsd: 0.9 }));
        expect(await control.reserve(spend('shared', { attempt: 2, reserveUsd: 0.2 }))).toEqual(notYet);
        await pay('alone', 0.9);
        expect(await control.reserve(spend('alone', { reserveUsd: 0.2 }))).toEqual(overBudget);
      });
    });

    describe('batches', () => {
      test('are counted by whether they have a summary, each attempt and run for itself', async () => {
        expect(await control.count('counted', 1, false)).toEqual({ summarized: 0, failed: 1 });
        expect(await control.count('counted', 1, true)).toEqual({ summarized: 1, failed: 1 });
        expect(await control.count('counted', 1, true)).toEqual({ summarized: 2, failed: 1 });
        expect(await control.count('counted', 2, true)).toEqual({ summarized: 1, failed: 0 });
        expect(await control.count('counted too', 1, false)).toEqual({ summarized: 0, failed: 1 });
      });

      test('that are counted at once are all counted', async () => {
        const counts = await Promise.all(Array.from({ length: 30 }, (_, batch) => control.count('crowded', 1, batch % 3 > 0)));
        expect(counts.map(({ summarized, failed }) => summarized + failed).toSorted((a, b) => a - b)).toEqual(
          Array.from({ length: 30 }, (_, index) => index + 1),
        );
        expect(await control.count('crowded', 1, true)).toEqual({ summarized: 21, failed: 10 });
      });

      test('touch neither the money nor the halts, and a halted attempt is counted on', async () => {
        await control.count('apart', 1, true);
        await pay('apart', 0.6);
        await control.halt('apart', 1, 'user');
        expect(await control.count('apart', 1, false)).toEqual({ summarized: 1, failed: 1 });
        expect(await control.stopReason('apart', 1)).toBe('user');
        expect(await control.reserve(spend('apart', { attempt: 2, reserveUsd: 0.5 }))).toEqual(overBudget);
        expect(await control.reserve(spend('apart', { attempt: 2, reserveUsd: 0.4 }))).toEqual(granted);
      });
    });
  });
}
