import { BUDGET_EXCEEDED, type Control } from '../functions/shared/ports.ts';

/** Integers have no drift; the same unit as the table in the cloud. */
const NANO_PER_USD = 1_000_000_000;
const nanoUsd = (usd: number) => Math.round(usd * NANO_PER_USD);

interface RunControl {
  /** Reservations included. */
  spentNano: number;
  reservedNano: number;
  /** Batches by whether they have a summary, by attempt. */
  counts: Map<number, { summarized: number; failed: number }>;
  /** Stop reason by attempt. */
  halts: Map<number, string>;
}

export interface MemoryControl extends Control {
  /** Sets what earlier attempts of the run have spent, as their outcomes say; the memory of another process is gone. */
  restore(runId: string, spentUsd: number): void;
}

/** What the workers of this process share. */
export function memoryControl(): MemoryControl {
  const runs = new Map<string, RunControl>();

  function controlOf(runId: string): RunControl {
    let run = runs.get(runId);
    if (!run) {
      run = { spentNano: 0, reservedNano: 0, counts: new Map(), halts: new Map() };
      runs.set(runId, run);
    }
    return run;
  }

  return {
    restore(runId, spentUsd) {
      controlOf(runId).spentNano = nanoUsd(spentUsd);
    },

    async reserve({ runId, attempt, reserveUsd, capUsd }) {
      const run = controlOf(runId);
      const haltReason = run.halts.get(attempt);
      if (haltReason !== undefined) return { granted: false, stopReason: haltReason };
      const spentNano = run.spentNano + nanoUsd(reserveUsd);
      if (capUsd !== null && spentNano > nanoUsd(capUsd)) {
        return { granted: false, stopReason: spentNano - run.reservedNano <= nanoUsd(capUsd) ? null : BUDGET_EXCEEDED };
      }
      run.spentNano = spentNano;
      run.reservedNano += nanoUsd(reserveUsd);
      return { granted: true };
    },

    async settle({ runId, reserveUsd }, spentUsd) {
      const run = controlOf(runId);
      run.spentNano += nanoUsd(spentUsd) - nanoUsd(reserveUsd);
      run.reservedNano -= nanoUsd(reserveUsd);
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
