import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, ContenderFailed, RESIDENT_MIB, type Result, runInTurn } from './contenders.ts';
import { OUT_OF_MEMORY } from './grouping/out-of-memory.ts';
import { digits, medianOf, nodeOptions, prepare, program, whole } from './programs.ts';
import { markdownTable } from './results.ts';
import { openSession } from './session.ts';

/** Planning by a group column beside planning without, and beside DuckDB with as much memory: some rows several times, then many once. */

const {
  sizes: { rows, repetitions, manyRows, groups, memoryMb },
  folder,
  say,
  finish,
} = openSession({
  name: 'grouping',
  defaults: { rows: 1_000_000, repetitions: 3, manyRows: 10_000_000, groups: 100_000, memoryMb: 320 },
  packages: ['@duckdb/node-api', 'csv-parse'],
});

interface Planned {
  rows: number;
  groups: number | null;
  batches: number;
  folds: number[];
  /** Seconds from the start until the rows are sorted, staged, and planned with all levels. */
  sortedAt: number;
  stagedAt: number;
  plannedAt: number;
}

/** A contender that could not do it with that memory is left out, and told. */
function runEach(contenders: readonly Contender[], times: number): (Result | null)[] {
  const results: (Result | null)[] = contenders.map(() => null);
  let able = contenders;
  for (;;) {
    try {
      for (const result of runInTurn(able, times)) results[contenders.findIndex(({ name }) => name === result.name)] = result;
      return results;
    } catch (error) {
      if (!(error instanceof ContenderFailed) || error.exitCode !== OUT_OF_MEMORY) throw error;
      const failed = error.contender;
      say(`${failed} could not do with that memory; it is left out.`);
      able = able.filter(({ name }) => name !== failed);
    }
  }
}

function resultsOf(count: number, times: number) {
  say(`${whole(count)} rows in ${whole(groups)} groups ...`);
  const path = join(folder, 'groups.csv');
  const out = join(folder, 'out');
  const after = () => rmSync(out, { recursive: true, force: true });
  prepare('grouping/grouped-file.ts', path, String(count), String(groups));
  const planning = (name: string, settings: object): Contender => ({
    name,
    args: [...nodeOptions, program('grouping/planning.ts'), path, out, JSON.stringify(settings)],
    after,
  });
  const duckdb = (name: string, what: string): Contender => ({
    name,
    args: [program('grouping/duckdb-groups.ts'), what, path, out, String(memoryMb)],
    after,
  });
  const results = runEach(
    [
      planning('plan, grouped', { textColumn: 'review', groupColumn: 'grp' }),
      planning('plan, not grouped', { textColumn: 'review' }),
      duckdb('DuckDB, ORDER BY group, row', 'order'),
      duckdb('DuckDB, GROUP BY group, count only', 'count'),
    ],
    times,
  );
  const planned = results[0]?.printed as Planned;
  if (planned.rows !== count) throw new Error(`Of ${count} rows ${planned.rows} were staged`);
  rmSync(path);
  return { rows: count, times, results };
}

function partOf({ rows: count, times, results }: ReturnType<typeof resultsOf>): string {
  const grouped = results[0] as Result<Planned>;
  const [sortedAt, stagedAt, plannedAt] = [
    medianOf(grouped, (figures) => figures.sortedAt),
    medianOf(grouped, (figures) => figures.stagedAt),
    medianOf(grouped, (figures) => figures.plannedAt),
  ];
  const { batches, groups: found } = grouped.printed as Planned;
  const table = markdownTable(
    results.flatMap((result) =>
      result === null
        ? []
        : {
            program: result.name,
            s: digits(result.seconds),
            'CPU s': digits(result.cpuSeconds),
            'rows/s': whole(count / result.seconds),
            'speed / grouped': digits(grouped.seconds / result.seconds),
            'by CPU': digits(grouped.cpuSeconds / result.cpuSeconds),
            MiB: whole(result.residentMb),
          },
    ),
  );
  const unable = results.some((result) => result === null) ? '\n\nDuckDB could not do with that memory what is missing here.' : '';
  const ran = times === 1 ? 'one run' : `each program ${times} times in turn; medians, and the most memory of any run`;
  return `${whole(count)} rows in ${whole(found ?? 0)} groups, half of them in one, ${ran}:

${table}

Of the grouped plan, ${digits(sortedAt)} s sort stretches of the file, ${digits(stagedAt - sortedAt)} s merge them into ${whole(batches)} batches, ${digits(plannedAt - stagedAt)} s join the manifest and plan the levels above.${unable}`;
}

const all = [resultsOf(rows, repetitions), resultsOf(manyRows, 1)];
const section = `${all.map(partOf).join('\n\n')}

DuckDB has a memory limit of ${whole(memoryMb)} MiB, what a grouped plan may take altogether, and writes what does not fit beside its output. ORDER BY writes the rows as JSON lines in the
order in which the planner stages them, without batches, checks, tokens or attributes; GROUP BY writes a count for each group.
${RESIDENT_MIB}.`;
finish({ groups, memoryMb, results: all }, section);
