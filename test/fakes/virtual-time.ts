import { setImmediate as turn } from 'node:timers/promises';

interface Timer {
  atMs: number;
  order: number;
  wake: () => void;
}

/** Time that passes only when everybody sleeps: ten minutes of a hundred workers take a second. */
export class VirtualTime {
  private nowMs: number;
  private order = 0;
  /** A binary heap, the earliest first. */
  private readonly timers: Timer[] = [];

  constructor(startMs: number) {
    this.nowMs = startMs;
  }

  now = () => this.nowMs;

  sleep = (seconds: number) =>
    new Promise<void>((resolve) => {
      this.push({ atMs: this.nowMs + Math.max(0, seconds) * 1000, order: this.order++, wake: resolve });
    });

  /** Lets everything happen that is due until then. */
  async runUntil(endMs: number): Promise<void> {
    await turn();
    for (let next = this.timers[0]; next && next.atMs <= endMs; next = this.timers[0]) {
      this.pop();
      this.nowMs = next.atMs;
      next.wake();
      await turn();
    }
    this.nowMs = endMs;
  }

  private push(timer: Timer) {
    const { timers } = this;
    let index = timers.push(timer) - 1;
    for (let parent = (index - 1) >> 1; index > 0 && isBefore(timer, timers[parent]!); parent = (index - 1) >> 1) {
      timers[index] = timers[parent]!;
      index = parent;
    }
    timers[index] = timer;
  }

  private pop() {
    const { timers } = this;
    const last = timers.pop()!;
    if (timers.length === 0) return;
    let index = 0;
    for (let child = 1; child < timers.length; child = 2 * index + 1) {
      if (child + 1 < timers.length && isBefore(timers[child + 1]!, timers[child]!)) child += 1;
      if (!isBefore(timers[child]!, last)) break;
      timers[index] = timers[child]!;
      index = child;
    }
    timers[index] = last;
  }
}

const isBefore = (a: Timer, b: Timer) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
