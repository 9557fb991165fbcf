import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeReviewFile } from './plan/review-files.ts';

/** Writing the tables of a run, so many parts at once, each time in a process of its own. */
const rows = Number(process.argv[2] ?? 1_000_000);
const atOnce = process.argv.slice(3);
const worker = fileURLToPath(new URL('write-worker.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'hundredfold-bench-'));
try {
  const path = join(folder, 'reviews.csv');
  await writeReviewFile('csv', path, rows, path);
  execFileSync(process.execPath, [...process.execArgv, worker, 'prepare', folder, path], { stdio: 'inherit' });
  console.log(`write: ${rows.toLocaleString('en')} rows; ${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}`);
  console.table(
    (atOnce.length > 0 ? atOnce : ['1', '2', '100']).map((parts) => {
      const measured = JSON.parse(
        execFileSync(process.execPath, [...process.execArgv, worker, 'write', folder, parts], { encoding: 'utf8' }),
      ) as {
        parts: number;
        seconds: number;
        residentMb: number;
      };
      return {
        'parts at once': Number(parts),
        parts: measured.parts,
        seconds: Number(measured.seconds.toFixed(1)),
        'rows/s': Math.round(rows / measured.seconds),
        'resident MB': Math.round(measured.residentMb),
      };
    }),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
