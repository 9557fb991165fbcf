import { count, counted, dollars, printableName, shortCount } from '../figures.ts';
import { leftPart, stoppingPart } from '../meter-parts.ts';
import type { Meter } from '../progress.ts';
import type { MeterLine, RunMeter } from '../run-meter.ts';

/** Speaks for all runs that are under way: of one as its own meter does, of several by their sums. */
export class WatchMeter implements Meter {
  readonly #runs = new Map<string, RunMeter>();

  /** Uploads at work. */
  get size(): number {
    return this.#runs.size;
  }

  add(key: string, meter: RunMeter): void {
    this.#runs.set(key, meter);
  }

  remove(key: string): void {
    this.#runs.delete(key);
  }

  line(): MeterLine {
    const [only, ...others] = [...this.#runs];
    if (only && others.length === 0) {
      const { share, parts } = only[1].line();
      return { share, parts: [{ text: printableName(only[0]), rank: 0 }, ...parts] };
    }
    const runs = [...this.#runs.values()];
    const sum = (number: (run: RunMeter) => number) => runs.reduce((total, run) => total + number(run), 0);
    const [done, total] = [sum((run) => run.batchesDone), sum((run) => run.batchesTotal)];
    const failed = sum((run) => run.batchesFailed);
    const cached = sum((run) => run.batchesCached);
    const calls = sum((run) => run.calls);
    const isPriced = runs.every(({ costUsd }) => costUsd !== null);
    const times = runs.map((run) => run.secondsLeft());
    const batches = `${count(done)}/${count(total)}`;
    return {
      share: total === 0 ? 0 : done / total,
      parts: [
        { text: counted(runs.length, 'run'), rank: 7 },
        { text: `${batches} batches`, short: batches, rank: 9 },
        ...(failed > 0 ? [{ text: `${count(failed)} failed`, rank: 6, isTrouble: true as const }] : []),
        { text: counted(calls, 'call'), rank: 3 },
        ...(cached > 0 ? [{ text: `${count(cached)} cached`, rank: 4 }] : []),
        { text: `${shortCount(sum((run) => run.inputTokens + run.outputTokens))} tokens`, rank: 1 },
        { text: dollars(isPriced ? sum((run) => run.costUsd ?? 0) : null), rank: 5 },
        // Those that have not come to their first call may take longer than all others.
        runs.some(({ isStopping }) => isStopping)
          ? stoppingPart(sum((run) => run.callsInFlight))
          : leftPart(times.some((time) => time === null) ? null : Math.max(0, ...times.map((time) => time ?? 0))),
      ],
    };
  }
}
