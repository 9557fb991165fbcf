/** N calls of L ms, C at a time, N a multiple of C. */
export interface Load {
  calls: number;
  latencyMs: number;
  concurrency: number;
}

/** What the calls alone take at least: N * L / C. */
export const boundSeconds = ({ calls, latencyMs, concurrency }: Load): number => (calls * latencyMs) / concurrency / 1000;

export interface LoadWanted extends Omit<Load, 'calls'> {
  /** What the calls are to take at least. */
  seconds: number;
  mostCalls: number;
}

/** As many calls as take so long, in whole waves of C calls: one at least, and otherwise no more than the most calls. */
export function callsWithin({ seconds, latencyMs, concurrency, mostCalls }: LoadWanted): number {
  const waves = Math.min(Math.round((seconds * 1000) / latencyMs), Math.floor(mostCalls / concurrency));
  return Math.max(1, waves) * concurrency;
}

/** How much longer than the bound it took, in percent of the bound. */
export const overheadPercent = (seconds: number, bound: number): number => (seconds / bound - 1) * 100;
