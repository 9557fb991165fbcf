import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { median } from '../contenders.ts';
import { cellOf, medianTold, mostTold } from '../figures.ts';
import { openModel } from '../model/open-model.ts';
import { newOut } from '../new-out.ts';
import { writeReviewFile } from '../plan/review-files.ts';
import { whole } from '../programs.ts';
import { markdownTable } from '../results.ts';
import { openSession } from '../session.ts';
import { type OneRun, oneRun } from './cell.ts';
import { BATCH_ROWS, type Contestant, speedContestants } from './contestants.ts';
import { sparkEnvironment } from './environment.ts';
import { computedSeconds, isComputed, OFTEN_SECONDS, ONCE_SECONDS, timesOf } from './schedule.ts';

/**
 * The Spark pattern beside `hundredfold run`: the same rows, the same model, each program with its start and its end.
 * @param name of the benchmark.
 * @param rows of its file.
 */
export async function sparkContest(name: string, rows: number): Promise<void> {
  const defaults = { rows: [rows], latencyMs: [0, 100, 500, 2_000], repetitions: 3 };
  const session = openSession({ name, defaults, packages: [] });
  const environment = sparkEnvironment(session.say);
  if ('missing' in environment) {
    session.say(`The benchmark ${name} is left out: ${environment.missing}.`);
    return;
  }
  const { sizes } = session;
  const contestants = speedContestants(environment.python);
  const longest = { calls: callsOf(Math.max(...sizes.rows)), latencyMs: Math.max(...sizes.latencyMs) };
  const isAnyComputed = contestants.some(({ inFlight }) => isComputed({ ...longest, concurrency: inFlight }));
  if (isAnyComputed && !sizes.latencyMs.includes(0)) session.refuse('--latency-ms needs 0 where cells are computed.');
  const cells = await measuredCells(contestants, session);
  session.finish(cells, sectionOf(cells, sizes.repetitions), environment.versions);
}

const callsOf = (rows: number) => Math.ceil(rows / BATCH_ROWS);

interface Cell {
  name: string;
  rows: number;
  latencyMs: number;
  inFlight: number;
  /** Median; computed where `runs` is empty. */
  seconds: number;
  runs: OneRun[];
}

interface Contest {
  sizes: { rows: readonly number[]; latencyMs: readonly number[]; repetitions: number };
  folder: string;
  say(line: string): void;
}

async function measuredCells(contestants: readonly Contestant[], { sizes, folder, say }: Contest): Promise<Cell[]> {
  const cells: Cell[] = [];
  await using model = await openModel();
  for (const rows of sizes.rows) {
    const path = join(folder, 'reviews.csv');
    await writeReviewFile('csv', path, rows, path);
    const calls = callsOf(rows);
    // 0 ms comes first: computed cells are made of it.
    for (const latencyMs of sizes.latencyMs.toSorted((one, other) => one - other)) {
      const runs = contestants.map((): OneRun[] => []);
      for (let repetition = 0; repetition < sizes.repetitions; repetition++) {
        for (const [index, contestant] of contestants.entries()) {
          if (repetition >= timesOf({ calls, latencyMs, concurrency: contestant.inFlight }, sizes.repetitions)) continue;
          say(`${rows.toLocaleString('en')} rows, ${latencyMs} ms a call: ${contestant.name} ...`);
          await model.begin({ latencyMs });
          const run = await oneRun(contestant, { path, out: newOut(folder), baseUrl: model.baseUrl }, model);
          if (run.rows.kept !== rows || run.rows.doubled + run.rows.failed > 0)
            throw new Error(`${contestant.name}: rows are missing, doubled or failed`);
          runs[index]?.push(run);
        }
      }
      for (const [index, { name, inFlight }] of contestants.entries()) {
        const own = runs[index] as OneRun[];
        const isAtOnce = (cell: Cell) => cell.name === name && cell.rows === rows && cell.latencyMs === 0;
        const seconds =
          own.length > 0
            ? median(own.map(({ use }) => use.seconds))
            : computedSeconds({ calls, latencyMs, concurrency: inFlight }, (cells.find(isAtOnce) as Cell).seconds);
        cells.push({ name, rows, latencyMs, inFlight, seconds, runs: own });
      }
    }
  }
  return cells;
}

function tableOf(cells: readonly Cell[]): string {
  return markdownTable(
    cells.map((cell) => {
      const { name, rows, latencyMs, seconds, runs } = cell;
      const pattern = cells.find((other) => other.rows === rows && other.latencyMs === latencyMs) ?? cell;
      return {
        rows: rows.toLocaleString('en'),
        'latency, ms': latencyMs,
        program: name,
        'wall time, s': `${seconds.toFixed(1)}${runs.length === 0 ? ' (computed)' : runs.length === 1 ? ' (once)' : ''}`,
        'rows/s': Math.round(rows / seconds).toLocaleString('en'),
        'times the pattern': (pattern.seconds / seconds).toFixed(1),
        'CPU, s': cellOf(medianTold(runs.map(({ use }) => use.cpuSeconds)), (value) => value.toFixed(1)),
        'most memory, MiB': cellOf(mostTold(runs.map(({ use }) => use.memoryMb)), whole),
      };
    }),
  );
}

const sectionOf = (cells: readonly Cell[], repetitions: number): string =>
  `The pattern: \`df.rdd.mapPartitions\`, ${BATCH_ROWS} rows a call, \`local[*]\`, one partition for each of ${availableParallelism()} cores, with one call at a time or a pool of
threads ([bench/spark/pattern.py](../bench/spark/pattern.py)). Beside it \`hundredfold run\`, which also folds the summaries to one and keeps its
ledger. Each program ${repetitions} times in turn, from its start to its end, medians:

${tableOf(cells)}

"times the pattern": against Spark with one call at a time. Memory is what all processes of a program have resident at once, shared pages divided
among them (PSS), looked at every quarter of a second; CPU is that of the same processes as last sampled, so that up to the last quarter of a
second of each is missing. Cells that wait for the model for more than ${OFTEN_SECONDS} s are
measured once; those of more than ${ONCE_SECONDS} s are computed: the time of the same rows at 0 ms, and N * L / C of waiting.`;
