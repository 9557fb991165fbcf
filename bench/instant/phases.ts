import { stateNames } from '../../infra/workflow.ts';
import type { StateEvent } from '../../local/workflow/execution.ts';

export const phaseNames = ['begin', 'plan', 'calls', 'write', 'finish', 'end'] as const;
export type PhaseName = (typeof phaseNames)[number];
/** Seconds by phase. */
export type Phases = Record<PhaseName, number>;

const phaseOfState: Readonly<Record<string, PhaseName>> = {
  [stateNames.plan]: 'plan',
  [stateNames.summarizeAll]: 'calls',
  [stateNames.writeAll]: 'write',
  [stateNames.finish]: 'finish',
};

/**
 * Where the time of a run goes, by the states that its workflow enters: `begin` is the copy of the file and the claim, `plan` all planning,
 * also of the levels above, `finish` is finish-run (the ledger, publishing and the report), `end` what follows the last step. The time
 * between two states counts with the one before.
 */
export class PhaseClock {
  readonly #phases = Object.fromEntries(phaseNames.map((name) => [name, 0])) as Phases;
  #phase: PhaseName = 'begin';
  #sinceMs: number;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  saw({ type, state, depth }: StateEvent, nowMs: number): void {
    const phase = phaseOfState[state];
    if (depth !== 'parent' || phase === undefined) return;
    if (type === 'entered') this.#turn(phase, nowMs);
    else if (type === 'exited' && phase === 'finish') this.#turn('end', nowMs);
  }

  ended(nowMs: number): Phases {
    this.#turn('end', nowMs);
    return { ...this.#phases };
  }

  #turn(phase: PhaseName, nowMs: number): void {
    this.#phases[this.#phase] += (nowMs - this.#sinceMs) / 1000;
    [this.#phase, this.#sinceMs] = [phase, nowMs];
  }
}
