import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeReviews } from './generated-reviews.ts';

interface Measurement {
  rows: number;
  seconds: number;
  megabytesPerSecond: number;
  residentMb: number;
}

const worker = fileURLToPath(new URL('plan-worker.ts', import.meta.url));
const median = (values: number[]) => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Planning of a CSV file beside the bare parser, in turn, each in a process of its own. */
const rows = Number(process.argv[2] ?? 1_000_000);
const repetitions = Number(process.argv[3] ?? 3);
const folder = mkdtempSync(join(tmpdir(), 'hundredfold-bench-'));
try {
  const path = join(folder, 'reviews.csv');
  await writeReviews(path, rows);
  const results: Record<'parser' | 'plan', Measurement[]> = { parser: [], plan: [] };
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const kind of ['parser', 'plan'] as const) {
      const out = join(folder, `out-${repetition}`);
      results[kind].push(JSON.parse(execFileSync(process.execPath, [worker, kind, path, out], { encoding: 'utf8' })));
      rmSync(out, { recursive: true, force: true });
    }
  }
  console.log(`plan: ${rows.toLocaleString('en')} rows, ${(statSync(path).size / 1e6).toFixed(0)} MB, ${repetitions} repetitions, medians`);
  console.log(`machine: ${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`);
  const figures = Object.entries(results).map(([kind, runs]) => ({
    what: kind === 'parser' ? 'csv-parse alone' : 'plan: read, check, stage',
    'MB/s': Number(median(runs.map((run) => run.megabytesPerSecond)).toFixed(1)),
    'rows/s': Math.round(median(runs.map((run) => run.rows / run.seconds))),
    'resident MB, highest': Math.round(Math.max(...runs.map((run) => run.residentMb))),
  }));
  console.table(figures);
  console.log(`ratio plan / parser: ${((figures[1]?.['MB/s'] ?? 0) / (figures[0]?.['MB/s'] ?? 1)).toFixed(2)}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
