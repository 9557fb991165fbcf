import type { Clock } from '../../functions/shared/ports.ts';

/** Thrown through every state of an execution that is stopped from outside. No Retry or Catch sees it. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError';
}

/**
 * A tree of abort signals: what is cancelled takes everything below with it. Listeners on one AbortSignal are a linked
 * list, quadratic with thousands of children in flight; a set of children is not.
 */
export class Cancellation {
  readonly #parent: Cancellation | undefined;
  readonly #children = new Set<Cancellation>();
  readonly #controller = new AbortController();
  #reason: Error | undefined;
  #rejectWork: ((reason: Error) => void) | undefined;

  constructor(parent?: Cancellation) {
    this.#parent = parent;
    if (parent === undefined) return;
    parent.#children.add(this);
    if (parent.#reason) this.cancel(parent.#reason);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get reason(): Error | undefined {
    return this.#reason;
  }

  throwIfCancelled(): void {
    if (this.#reason) throw this.#reason;
  }

  /** The first reason stays. */
  cancel(reason: Error): void {
    if (this.#reason) return;
    this.#reason = reason;
    this.#rejectWork?.(reason);
    this.#controller.abort(reason);
    for (const child of this.#children) child.cancel(reason);
  }

  /** Forgets this node; its parent no longer holds it. */
  release(): void {
    if (this.#parent) this.#parent.#children.delete(this);
  }

  /** The result of `work`, or the reason thrown as soon as this is cancelled, whether or not the work heeds its signal. */
  async run<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.throwIfCancelled();
    const scope = new Cancellation(this);
    try {
      return await new Promise<T>((resolve, reject) => {
        scope.#rejectWork = reject;
        work(scope.signal).then(resolve, reject);
      });
    } finally {
      scope.release();
    }
  }

  /** As `run`, but cancels the work and throws `timeout` after so many seconds. */
  async runWithin<T>(seconds: number, timeout: Error, clock: Clock, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const scope = new Cancellation(this);
    const timer = new Cancellation();
    clock.sleep(seconds, timer.signal).then(
      () => scope.cancel(timeout),
      () => undefined,
    );
    try {
      return await scope.run(work);
    } finally {
      timer.cancel(new CancelledError('finished in time'));
      scope.release();
    }
  }
}
