import type { Control } from '../functions/shared/ports.ts';

/** Integers have no drift; the same unit as the table in the cloud. */
const NANO_PER_USD = 1_000_000_000;
const nanoUsd = (usd: number) => Math.round(usd * NANO_PER_USD);

interface RunControl {
  spentNano: number;
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
      run = { spentNano: 0, halts: new Map() };
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
      if (capUsd !== null && spentNano > nanoUsd(capUsd)) return { granted: false, stopReason: 'budget_exceeded' };
      run.spentNano = spentNano;
      return { granted: true };
    },

    async settle({ runId, reserveUsd }, spentUsd) {
      controlOf(runId).spentNano += nanoUsd(spentUsd) - nanoUsd(reserveUsd);
    },

    async halt(runId, attempt, stopReason) {
      const { halts } = controlOf(runId);
      if (!halts.has(attempt)) halts.set(attempt, stopReason);
    },

    async stopReason(runId, attempt) {
      return runs.get(runId)?.halts.get(attempt);
    },
  };
}
