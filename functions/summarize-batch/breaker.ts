import type { Run } from '../shared/contract.ts';
import { BREAKER_BATCHES, BREAKER_FAILURES } from '../shared/limits.ts';
import type { Control } from '../shared/ports.ts';

/**
 * Halts an attempt whose first batches nearly all fail: what failed forty-five times out of fifty will fail a million times. Counts are
 * shared by all workers; each stops reporting once the attempt has shown that it works.
 */
export class Breaker {
  private readonly control: Pick<Control, 'count' | 'halt'>;
  /** Attempts that need no more watching. */
  private readonly decided = new Set<string>();

  constructor(control: Pick<Control, 'count' | 'halt'>) {
    this.control = control;
  }

  async report({ runId, attempt }: Run, hasSummary: boolean): Promise<void> {
    const name = `${runId}-${attempt}`;
    if (this.decided.has(name)) return;
    const { summarized, failed } = await this.control.count(runId, attempt, hasSummary);
    if (failed >= BREAKER_FAILURES && summarized <= BREAKER_BATCHES - BREAKER_FAILURES) {
      await this.control.halt(runId, attempt, `breaker: ${failed} of the first ${failed + summarized} batches failed`);
    } else if (summarized <= BREAKER_BATCHES - BREAKER_FAILURES) return;
    this.decided.add(name);
  }
}
