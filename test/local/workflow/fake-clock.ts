import type { Clock } from '../../../functions/shared/ports.ts';

/** Time that passes only when a test says so, or, with `jumps`, at once whenever somebody sleeps. */
export class FakeClock implements Clock {
  /** Every sleep asked for, in order. */
  readonly sleeps: number[] = [];
  readonly #jumps: boolean;
  readonly #sleepers = new Set<{ wakeAt: number; wake: () => void }>();
  #now = Date.UTC(2026, 0, 2, 3, 4, 5);

  constructor({ jumps = false } = {}) {
    this.#jumps = jumps;
  }

  now(): number {
    return this.#now;
  }

  get sleeping(): number {
    return this.#sleepers.size;
  }

  sleep(seconds: number, signal?: AbortSignal): Promise<void> {
    this.sleeps.push(seconds);
    if (this.#jumps) {
      this.#now += seconds * 1000;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const sleeper = { wakeAt: this.#now + seconds * 1000, wake: resolve };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', () => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason);
      });
    });
  }

  advance(seconds: number): void {
    this.#now += seconds * 1000;
    for (const sleeper of this.#sleepers) {
      if (sleeper.wakeAt > this.#now) continue;
      this.#sleepers.delete(sleeper);
      sleeper.wake();
    }
  }
}
