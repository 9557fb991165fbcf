import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MODEL_TIMEOUT_MS } from '../../functions/shared/limits.ts';
import { DEFAULT_CONCURRENCY } from '../../local/setting-flags.ts';
import { hundredfold } from '../hundredfold.ts';
import type { Program } from '../processes/program-run.ts';

export const BATCH_ROWS = 100;
/** Threads of each partition in the pattern's fair variant. */
const POOL_THREADS = 64;
const cores = availableParallelism();

export interface Contestant {
  name: string;
  isSpark: boolean;
  /** Model calls in flight. */
  inFlight: number;
  /** @param out a folder that it may fill. */
  program(job: Job): Program;
}

export interface Job {
  path: string;
  out: string;
  baseUrl: string;
}

function pattern(python: string, name: string, threads: number, retries: number): Contestant {
  return {
    ...{ name, isSpark: true, inFlight: threads * cores },
    program: ({ path, out, baseUrl }) => ({
      ...{ name, command: python },
      args: [
        ...[fileURLToPath(new URL('pattern.py', import.meta.url)), '--input', path, '--output', out, '--threads', String(threads)],
        ...['--retries', String(retries), '--timeout', String(MODEL_TIMEOUT_MS / 1000), '--batch-rows', String(BATCH_ROWS)],
      ],
      env: {
        ...{ OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: 'bench', PYSPARK_PYTHON: python },
        // In the benchmark's folder: a Spark that is killed removes nothing.
        ...{ SPARK_LOCAL_DIRS: dirname(path), TMPDIR: dirname(path), JDK_JAVA_OPTIONS: `"-Djava.io.tmpdir=${dirname(path)}"` },
      },
    }),
  };
}

function ours(name: string, concurrency: number): Contestant {
  const flags = ['--batch-size', String(BATCH_ROWS), '--concurrency', String(concurrency)];
  return { name, isSpark: false, inFlight: concurrency, program: (job) => hundredfold(name, { ...job, flags }) };
}

/** Retries that Python's client makes by itself. */
const CLIENT_RETRIES = 2;
const POOL = `Spark, ${POOL_THREADS} threads a partition`;

export const speedContestants = (python: string): Contestant[] => [
  pattern(python, 'Spark, one call at a time', 1, CLIENT_RETRIES),
  pattern(python, POOL, POOL_THREADS, CLIENT_RETRIES),
  ours(`hundredfold, ${DEFAULT_CONCURRENCY} in flight`, DEFAULT_CONCURRENCY),
  ours(`hundredfold, ${POOL_THREADS * cores} in flight`, POOL_THREADS * cores),
];

export const faultContestants = (python: string): Contestant[] => [
  pattern(python, 'Spark, one call at a time, no retries', 1, 0),
  pattern(python, `${POOL}, no retries`, POOL_THREADS, 0),
  pattern(python, `${POOL}, client's ${CLIENT_RETRIES} retries`, POOL_THREADS, CLIENT_RETRIES),
  ours(`hundredfold, ${DEFAULT_CONCURRENCY} in flight`, DEFAULT_CONCURRENCY),
];
