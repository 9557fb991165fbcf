import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Control, SpendRequest } from '../../functions/shared/ports.ts';
import type { ControlHome } from './control.ts';

/** What every home of the control port must do that caps the day. Each test has a day of its own. */
export function dailyBudgetContract(name: string, open: (options: { maxCostUsdPerDay: number }) => Promise<ControlHome>): void {
  describe(`control with a budget of the day: ${name}`, () => {
    let home: ControlHome;
    let control: Control;
    beforeAll(async () => {
      home = await open({ maxCostUsdPerDay: 1 });
      control = home.control;
    });
    afterAll(() => home.close());

    let days = 0;
    /** A day of the test's own, and a call of a run on it. */
    const newDay = () => {
      const day = new Date(Date.UTC(2026, 0, ++days)).toISOString().slice(0, 10);
      return (runId: string, changes: Partial<SpendRequest> = {}): SpendRequest => ({
        ...{ runId: `${day} ${runId}`, attempt: 1, reserveUsd: 0.1, capUsd: null, day },
        ...changes,
      });
    };
    const overDay = { granted: false, stopReason: 'daily_budget_exceeded' };
    const notYet = { granted: false, stopReason: null, heldBy: 'daily_budget_exceeded' };

    test('all runs of a day share it to the last cent, and the next day has one of its own', async () => {
      const on = newDay();
      for (let call = 0; call < 10; call++) {
        const request = on(`run ${call % 3}`);
        expect(await control.reserve(request)).toEqual({ granted: true });
        await control.settle(request, 0.1);
      }
      const least = on('run 4', { reserveUsd: 0.000000001 });
      expect(await control.reserve(least)).toEqual(overDay);
      expect(await control.reserve({ ...least, day: '2027-01-01' })).toEqual({ granted: true });
      expect(await control.reserve(on('run 4', { reserveUsd: 0 }))).toEqual({ granted: true });
    });

    test('calls in flight hold it until they are settled', async () => {
      const on = newDay();
      const inFlight = on('one', { reserveUsd: 1 });
      await control.reserve(inFlight);
      expect(await control.reserve(on('other'))).toEqual(notYet);
      await control.settle(inFlight, 0.4);
      expect(await control.reserve(on('other'))).toEqual({ granted: true });
    });

    test('a call is settled on the day on which it was made', async () => {
      const on = newDay();
      const late = on('late', { reserveUsd: 1 });
      await control.reserve(late);
      const next = newDay();
      await control.settle(late, 1);
      expect(await control.reserve(next('early', { reserveUsd: 1 }))).toEqual({ granted: true });
      expect(await control.reserve(on('late'))).toEqual(overDay);
    });

    test('what the day refuses costs the run nothing, and what the run refuses costs the day nothing', async () => {
      const on = newDay();
      const full = on('full', { reserveUsd: 1 });
      await control.reserve(full);
      await control.settle(full, 1);
      const request = on('capped', { reserveUsd: 0.5, capUsd: 0.5 });
      expect(await control.reserve(request)).toEqual(overDay);
      const next = newDay();
      const { day } = next('');
      for (let refused = 0; refused < 3; refused++)
        expect(await control.reserve({ ...request, reserveUsd: 0.6, day })).toEqual({ granted: false, stopReason: 'budget_exceeded' });
      expect(await control.reserve({ ...request, day })).toEqual({ granted: true });
      expect(await control.reserve(next('rest', { reserveUsd: 0.5 }))).toEqual({ granted: true });
      expect(await control.reserve(next('rest', { reserveUsd: 0.000001 }))).toEqual(notYet);
    });

    test('a halted attempt takes nothing of it and says why it is halted', async () => {
      const on = newDay();
      const request = on('halted', { reserveUsd: 1 });
      await control.halt(request.runId, 1, 'user');
      expect(await control.reserve(request)).toEqual({ granted: false, stopReason: 'user' });
      expect(await control.reserve(on('other', { reserveUsd: 1 }))).toEqual({ granted: true });
    });

    test('calls of many runs at once never exceed it', async () => {
      const on = newDay();
      const decisions = await Promise.all(Array.from({ length: 40 }, (_, call) => control.reserve(on(`run ${call}`))));
      expect(decisions.filter(({ granted }) => granted)).toHaveLength(10);
      expect(decisions.filter(({ granted }) => !granted)).toEqual(Array.from({ length: 30 }, () => notYet));
    });
  });
}
