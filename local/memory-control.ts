import { BUDGET_EXCEEDED, type Control, DAILY_BUDGET_EXCEEDED, type SpendDecision } from '../functions/shared/ports.ts';

/** Integers have no drift; the same unit as the table in the cloud. */
const NANO_PER_USD = 1_000_000_000;
const nanoUsd = (usd: number) => Math.round(usd * NANO_PER_USD);

interface Purse {
  /** Reservations included. */
  spentNano: number;
  reservedNano: number;
}

const emptyPurse = (): Purse => ({ spentNano: 0, reservedNano: 0 });

/** Why a reservation does not fit, undefined where it has been made. */
function refusalOf(purse: Purse, reserveUsd: number, capUsd: number | null, heldBy: string): SpendDecision | undefined {
  const spentNano = purse.spentNano + nanoUsd(reserveUsd);
  if (capUsd !== null && spentNano > nanoUsd(capUsd)) {
    const isHeld = spentNano - purse.reservedNano <= nanoUsd(capUsd);
    return isHeld ? { granted: false, stopReason: null, heldBy } : { granted: false, stopReason: heldBy };
  }
  purse.spentNano = spentNano;
  purse.reservedNano += nanoUsd(reserveUsd);
  return undefined;
}

function settleIn(purse: Purse, reserveUsd: number, spentUsd: number): void {
  purse.spentNano += nanoUsd(spentUsd) - nanoUsd(reserveUsd);
  purse.reservedNano -= nanoUsd(reserveUsd);
}

interface RunControl extends Purse {
  /** Batches by whether they have a summary, by attempt. */
  counts: Map<number, { summarized: number; failed: number }>;
  /** Stop reason by attempt. */
  halts: Map<number, string>;
}

export interface MemoryControl extends Control {
  /** Sets what earlier attempts of the run have spent, as their outcomes say; the memory of another process is gone. */
  restore(runId: string, spentUsd: number): void;
}

/** What the workers of this process share. `maxCostUsdPerDay` caps what all of its runs may cost on one UTC day. */
export function memoryControl({ maxCostUsdPerDay = null }: { maxCostUsdPerDay?: number | null } = {}): MemoryControl {
  const runs = new Map<string, RunControl>();
  const days = new Map<string, Purse>();

  function controlOf(runId: string): RunControl {
    let run = runs.get(runId);
    if (!run) {
      run = { ...emptyPurse(), counts: new Map(), halts: new Map() };
      runs.set(runId, run);
    }
    return run;
  }

  function dayOf(day: string): Purse {
    const purse = days.get(day) ?? emptyPurse();
    days.set(day, purse);
    return purse;
  }

  return {
    restore(runId, spentUsd) {
      controlOf(runId).spentNano = nanoUsd(spentUsd);
    },

    async reserve({ runId, attempt, reserveUsd, capUsd, day }) {
      const run = controlOf(runId);
      const haltReason = run.halts.get(attempt);
      if (haltReason !== undefined) return { granted: false, stopReason: haltReason };
      const overRun = refusalOf(run, reserveUsd, capUsd, BUDGET_EXCEEDED);
      if (overRun) return overRun;
      const overDay = refusalOf(dayOf(day), reserveUsd, maxCostUsdPerDay, DAILY_BUDGET_EXCEEDED);
      if (overDay) settleIn(run, reserveUsd, 0);
      return overDay ?? { granted: true };
    },

    async settle({ runId, reserveUsd, day }, spentUsd) {
      settleIn(controlOf(runId), reserveUsd, spentUsd);
      settleIn(dayOf(day), reserveUsd, spentUsd);
    },

    async halt(runId, attempt, stopReason) {
      const { halts } = controlOf(runId);
      if (!halts.has(attempt)) halts.set(attempt, stopReason);
    },

    async count(runId, attempt, hasSummary) {
      const { counts } = controlOf(runId);
      const count = counts.get(attempt) ?? { summarized: 0, failed: 0 };
      count[hasSummary ? 'summarized' : 'failed']++;
      counts.set(attempt, count);
      return { ...count };
    },

    async stopReason(runId, attempt) {
      return runs.get(runId)?.halts.get(attempt);
    },
  };
}
