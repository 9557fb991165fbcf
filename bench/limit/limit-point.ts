import { join } from 'node:path';
import { median } from '../contenders.ts';
import { figuresOf, hundredfold } from '../hundredfold.ts';
import { openModel } from '../model/open-model.ts';
import { newOut } from '../new-out.ts';
import { writeReviewFile } from '../plan/review-files.ts';
import { runProgram } from '../processes/program-run.ts';
import { boundSeconds, callsWithin, type Load, type LoadWanted, overheadPercent } from './lower-bound.ts';

const BATCH_ROWS = 100;

export interface LimitPoint extends Load {
  boundSeconds: number;
  /** From the first request's arrival at the model to its last answer; the median. */
  callsSeconds: number;
  /** From the start of the program to its end; the median. */
  wallSeconds: number;
  /** Of `callsSeconds`, beside the bound. */
  overheadPercent: number;
  /** The most of all runs. */
  mostInFlight: number;
  runs: { callsSeconds: number; wallSeconds: number; memoryMb: number | null }[];
}

/** One point: the same file again and again, with nothing kept between. */
export async function limitPoint(wanted: LoadWanted, repetitions: number, folder: string): Promise<LimitPoint> {
  const { latencyMs, concurrency } = wanted;
  await using model = await openModel();
  const calls = callsWithin(wanted);
  const path = join(folder, 'reviews.csv');
  await writeReviewFile('csv', path, calls * BATCH_ROWS, path);
  const runs: LimitPoint['runs'] = [];
  let mostInFlight = 0;
  for (let repetition = 0; repetition < repetitions; repetition++) {
    await model.begin({ latencyMs });
    const out = newOut(folder);
    const flags = ['--concurrency', String(concurrency), '--roll-up', 'false', '--batch-size', String(BATCH_ROWS)];
    const { use, stdout } = await runProgram(hundredfold('hundredfold', { path, out, baseUrl: model.baseUrl, flags }));
    const stats = await model.stats();
    if (figuresOf(stdout).calls !== calls || stats.answers !== calls)
      throw new Error(`${calls} calls were due, ${stats.answers} were made`);
    runs.push({ callsSeconds: stats.seconds, wallSeconds: use.seconds, memoryMb: use.memoryMb });
    mostInFlight = Math.max(mostInFlight, stats.mostInFlight);
  }
  const bound = boundSeconds({ calls, latencyMs, concurrency });
  const callsSeconds = median(runs.map((run) => run.callsSeconds));
  const wallSeconds = median(runs.map((run) => run.wallSeconds));
  return {
    ...{ concurrency, latencyMs, calls, boundSeconds: bound, callsSeconds, wallSeconds, mostInFlight, runs },
    overheadPercent: overheadPercent(callsSeconds, bound),
  };
}
