import { fileURLToPath } from 'node:url';
import type { Program } from './processes/program-run.ts';

export interface HundredfoldRun {
  path: string;
  out: string;
  baseUrl: string;
  /** More flags of `hundredfold run`. */
  flags?: readonly string[];
}

/** What the benchmarks read of a run. */
export interface RunFigures {
  rows_summarized: number;
  calls: number;
}

/** `hundredfold run` as its users call it, against the benchmark's model server. */
export const hundredfold = (name: string, { path, out, baseUrl, flags = [] }: HundredfoldRun): Program => ({
  name,
  command: process.execPath,
  args: [fileURLToPath(new URL('../local/hundredfold.mjs', import.meta.url)), 'run', path, '--out', out, '--json', ...flags],
  env: { OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: 'bench' },
});

/** The run's record, as `--json` prints it. */
export const figuresOf = (stdout: string): RunFigures => JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as RunFigures;

/** Exit codes of runs that end as they should: complete, or partial under faults. */
export const RUN_ENDED = [0, 3];
