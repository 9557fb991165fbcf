import { execFileSync } from 'node:child_process';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, RESIDENT_MIB, type Result, runInTurn } from './contenders.ts';
import { type FileKind, fileKinds } from './plan/review-files.ts';
import { nodeOptions, program } from './programs.ts';
import { markdownTable } from './results.ts';
import { openSession } from './session.ts';

/**
 * Planning and `explain` of files in every format beside the bare parser of the format, each in a process of its own: as many rows as make
 * a good measurement of the speed, several times, then once as many as the memory must not grow with.
 */

const {
  sizes: { rows: speedRows, repetitions, memoryRows },
  folder,
  say,
  finish,
} = openSession({
  name: 'plan',
  defaults: { rows: 1_000_000, repetitions: 3, memoryRows: 10_000_000 },
  packages: ['csv-parse', 'hyparquet'],
});

interface Kind {
  /** null: it holds a whole row group, which is more than there is memory for. */
  parser: string | null;
  what: string;
}
const kinds: Record<FileKind, Kind> = {
  csv: { what: 'CSV', parser: 'csv-parse' },
  'csv.gz': { what: 'CSV, gzip', parser: 'csv-parse behind gunzip' },
  jsonl: { what: 'JSON Lines', parser: 'JSON.parse of each line' },
  json: { what: 'JSON array', parser: 'JSON.parse of each line' },
  parquet: { what: 'Parquet', parser: 'hyparquet' },
  'one-group.parquet': { what: 'Parquet, one row group', parser: null },
  'large-pages.parquet': { what: 'Parquet, 1,000,000 rows a page', parser: null },
};

/** CSV comes first: the others are made of it. */
const largeKinds: readonly FileKind[] = ['csv', 'one-group.parquet'];

interface FileResults {
  file: string;
  rows: number;
  bytes: number;
  parser: Result | null;
  plan: Result;
  explain: Result;
}

function resultsOf(kind: FileKind, path: string, rows: number, times: number): FileResults {
  const out = join(folder, 'out');
  const after = () => rmSync(out, { recursive: true, force: true });
  const { parser } = kinds[kind];
  const contenders: Contender[] = [
    { name: 'plan', args: [...nodeOptions, program('plan/planning.ts'), path, out], after },
    // As Node is by default.
    ...(parser === null ? [] : [{ name: parser, args: [program('plan/bare-parser.ts'), path] }]),
  ];
  const [plan, bare = null] = runInTurn(contenders, times) as [Result, Result?];
  const explaining = { name: 'explain', args: [...nodeOptions, program('../local/cli.ts'), 'explain', path, '--json'] };
  const [explain] = runInTurn([explaining], 1) as [Result];
  const counted = [plan.printed, bare?.printed ?? plan.printed].map((printed) => (printed as { rows: number }).rows);
  const explained = explain.printed as { rows_staged: number };
  if ([...counted, explained.rows_staged].some((found) => found !== rows)) {
    throw new Error(`${kind} has ${rows} rows; found were ${counted.join(', ')}, explained ${explained.rows_staged}`);
  }
  // What explain prints is long.
  return { file: kind, rows, bytes: statSync(path).size, parser: bare, plan, explain: { ...explain, printed: { rows }, figures: [] } };
}

function* resultsFor(of: readonly FileKind[], rows: number, times: number): Generator<FileResults> {
  const csvPath = join(folder, 'reviews.csv');
  for (const kind of of) {
    const path = join(folder, `reviews.${kind}`);
    say(`${rows.toLocaleString('en')} rows, ${kinds[kind].what} ...`);
    execFileSync(process.execPath, ['--max-old-space-size=8192', program('plan/review-files.ts'), kind, path, String(rows), csvPath]);
    try {
      yield resultsOf(kind, path, rows, times);
    } finally {
      if (kind !== 'csv') rmSync(path);
    }
  }
}

const tableOf = (results: readonly FileResults[]) =>
  markdownTable(
    results.map(({ file, bytes, rows, parser, plan, explain }) => ({
      file: kinds[file as FileKind].what,
      MB: (bytes / 1e6).toFixed(0),
      'plan, s': plan.seconds.toFixed(1),
      'plan, MB/s': (bytes / 1e6 / plan.seconds).toFixed(1),
      'rows/s': Math.round(rows / plan.seconds).toLocaleString('en'),
      'plan, CPU s': plan.cpuSeconds.toFixed(1),
      'parser, MB/s': parser ? (bytes / 1e6 / parser.seconds).toFixed(1) : '',
      'parser, CPU s': parser?.cpuSeconds.toFixed(1) ?? '',
      'speed / parser': parser ? (parser.seconds / plan.seconds).toFixed(2) : '',
      'by CPU': parser ? (parser.cpuSeconds / plan.cpuSeconds).toFixed(2) : '',
      'plan, MiB': Math.round(plan.residentMb),
      'explain, s': explain.seconds.toFixed(1),
      'explain, MiB': Math.round(explain.residentMb),
    })),
  );

const parsers = Object.values(kinds).filter(({ parser }) => parser !== null);

const speed = [...resultsFor(fileKinds, speedRows, repetitions)];
const memory = [...resultsFor(largeKinds, memoryRows, 1)];
const section = `${speedRows.toLocaleString('en')} rows, each program ${repetitions} times in turn, explain once; medians, and the most memory of any run:

${tableOf(speed)}

${memoryRows.toLocaleString('en')} rows, one run:

${tableOf(memory)}

The bare parsers: ${parsers.map(({ what, parser }) => `${what}: ${parser}`).join('; ')}. None of them keeps a row. ${RESIDENT_MIB}.
Where other programs share the machine, the CPU seconds are the ones to compare.`;
finish({ speed, memory }, section);
