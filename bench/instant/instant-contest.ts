import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_CONCURRENCY } from '../../local/setting-flags.ts';
import { median } from '../contenders.ts';
import { figuresOf, hundredfold } from '../hundredfold.ts';
import { openModel } from '../model/open-model.ts';
import { newOut } from '../new-out.ts';
import { type Program, type ProgramUse, runProgram } from '../processes/program-run.ts';

export interface Contest {
  rows: number;
  ours: ProgramUse[];
  least: ProgramUse[];
  /** Medians of the wall time. */
  oursSeconds: number;
  leastSeconds: number;
  ratio: number;
}

const leastProgram = (path: string, out: string, baseUrl: string): Program => ({
  ...{ name: 'the least program', command: process.execPath },
  args: [fileURLToPath(new URL('least-program.ts', import.meta.url)), path, out, baseUrl, String(DEFAULT_CONCURRENCY)],
});

/** `hundredfold run` once, against a model that answers at once. @throws Error: a row is not summarized. */
export async function ourRun(path: string, rows: number, folder: string): Promise<ProgramUse> {
  await using model = await openModel();
  const out = newOut(folder);
  const { use, stdout } = await runProgram(hundredfold('hundredfold', { path, out, baseUrl: model.baseUrl }));
  const { rows_summarized } = figuresOf(stdout);
  if (rows_summarized !== rows) throw new Error(`hundredfold summarized ${rows_summarized} of ${rows} rows`);
  return use;
}

async function leastRun(path: string, rows: number, folder: string): Promise<ProgramUse> {
  await using model = await openModel();
  const out = join(folder, 'least.parquet');
  const { use, stdout } = await runProgram(leastProgram(path, out, model.baseUrl));
  rmSync(out);
  const found = (JSON.parse(stdout) as { rows: number }).rows;
  if (found !== rows) throw new Error(`The least program summarized ${found} of ${rows} rows`);
  return use;
}

/** `hundredfold run` and the least program in turn, against a model that answers at once. */
export async function instantContest(path: string, rows: number, repetitions: number, folder: string): Promise<Contest> {
  const ours: ProgramUse[] = [];
  const least: ProgramUse[] = [];
  for (let repetition = 0; repetition < repetitions; repetition++) {
    ours.push(await ourRun(path, rows, folder));
    least.push(await leastRun(path, rows, folder));
  }
  const oursSeconds = median(ours.map(({ seconds }) => seconds));
  const leastSeconds = median(least.map(({ seconds }) => seconds));
  return { rows, ours, least, oursSeconds, leastSeconds, ratio: oursSeconds / leastSeconds };
}
