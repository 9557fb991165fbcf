import { matchesError } from './state-error.ts';

/** One rule of a state's Retry, in the order of the definition. */
export interface Retrier {
  errorEquals: readonly string[];
  intervalSeconds: number;
  maxAttempts: number;
  backoffRate: number;
  maxDelaySeconds: number | undefined;
  jitter: 'FULL' | 'NONE';
}

/** Counts the retries of one visit to a state; each retrier has a count of its own. */
export class RetryBudget {
  readonly #retriers: readonly Retrier[];
  readonly #random: () => number;
  readonly #attempts: number[];

  constructor(retriers: readonly Retrier[], random: () => number) {
    this.#retriers = retriers;
    this.#random = random;
    this.#attempts = retriers.map(() => 0);
  }

  /** Seconds to wait before the next try, undefined where the error is not to be retried. The first retrier that matches decides alone. */
  nextDelaySeconds(errorName: string | undefined): number | undefined {
    const index = this.#retriers.findIndex(({ errorEquals }) => matchesError(errorEquals, errorName));
    const retrier = this.#retriers[index];
    const attempts = this.#attempts[index];
    if (retrier === undefined || attempts === undefined || attempts >= retrier.maxAttempts) return undefined;
    this.#attempts[index] = attempts + 1;
    const backoffSeconds = retrier.intervalSeconds * retrier.backoffRate ** attempts;
    const delaySeconds = Math.min(backoffSeconds, retrier.maxDelaySeconds ?? Number.POSITIVE_INFINITY);
    return retrier.jitter === 'FULL' ? this.#random() * delaySeconds : delaySeconds;
  }
}
