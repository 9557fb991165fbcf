import { ModelUnavailableError } from '../functions/shared/errors.ts';
import { duration } from './figures.ts';
import type { RunMeter } from './run-meter.ts';
import { isSystemError } from './system-error.ts';

/** Waits from which on people are told. */
const SPOKEN_WAIT_SECONDS = 30;

/** What people are told while a run works and something keeps it from going on: each kind once, a wait once for as long as it lasts. */
export class RunWarnings {
  readonly #meter: Pick<RunMeter, 'calls'>;
  readonly #warn: (line: string) => void;
  readonly #now: () => number;
  readonly #told = new Set<string>();
  #waitUntil = 0;

  constructor(meter: Pick<RunMeter, 'calls'>, warn: (line: string) => void, now: () => number = Date.now) {
    this.#meter = meter;
    this.#warn = warn;
    this.#now = now;
  }

  /** The endpoint makes batches wait so long. */
  waiting(seconds: number): void {
    if (seconds < SPOKEN_WAIT_SECONDS || this.#now() < this.#waitUntil) return;
    this.#waitUntil = this.#now() + seconds * 1000;
    this.#warn(`The endpoint's rate limit makes batches wait ${duration(seconds)}. Ctrl-C stops; the same command goes on later.`);
  }

  stepFailed(error: unknown): void {
    if (error instanceof ModelUnavailableError && this.#meter.calls === 0 && error.code !== 'halted') {
      this.#once('silence', `${error.message} Trying again, each batch up to 8 times.`);
    }
    if (isSystemError(error)) this.#once('system', error.message);
  }

  #once(kind: string, line: string): void {
    if (!this.#told.has(kind)) this.#warn(line);
    this.#told.add(kind);
  }
}
