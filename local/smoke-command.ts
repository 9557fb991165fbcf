import { readFileSync } from 'node:fs';
import { systemClock } from '../functions/shared/clock.ts';
import { OFFLINE_ENDPOINT } from '../functions/shared/model-catalog.ts';
import { RUNS_PREFIX } from '../functions/shared/object-keys.ts';
import type { Clock } from '../functions/shared/ports.ts';
import { stackOutputs } from '../infra/stack-outputs.ts';
import { athenaCalls } from './athena/athena-calls.ts';
import { athenaEngine } from './athena/athena-engine.ts';
import { type DeployedStack, openStack, type QueryPlace, queryPlaceOf } from './deployed-stack.ts';
import { executionHome } from './execution-home.ts';
import { explainUpload } from './explanation.ts';
import { duration } from './figures.ts';
import { localUpload } from './local-upload.ts';
import { allRows } from './query.ts';
import { stackName } from './run-place.ts';
import { type RunState, readRun } from './run-states.ts';

export const SMOKE_DATASET = 'hundredfold-smoke';
/** Longest until an upload's run shows; EventBridge and the queue take seconds. */
const ACCEPTANCE_SECONDS = 180;
const POLL_SECONDS = 3;
/** Longest that a query over a few small files may take, waiting in a queue included. */
const LONGEST_QUERY_SECONDS = 120;

export interface SmokeOptions {
  stack?: string | true;
  /** Minutes. */
  timeout: number;
  json?: true;
}

/** What went wrong, and where somebody can look. */
interface Trouble {
  words: string;
  look: string;
}

/** Counts of a run in the tables. */
type Counts = Record<'rows_in' | 'rows' | 'rejected' | 'batches' | 'summarized', number>;

/**
 * `hundredfold smoke`: the sample through a deployed stack, from the upload to SQL. @returns 0 where all is as it should be, else 1.
 * @throws ConfigError: there is no such stack.
 */
export async function smokeCommand(options: SmokeOptions, clock: Clock = systemClock): Promise<number> {
  const name = stackName(options.stack);
  const stack = await openStack(name);
  const place = await queryPlaceOf(name);
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const startedAt = clock.now();
  const { runId, trouble, counts } = await smoke(stack, place, options.timeout, clock, say);
  const passed = trouble.length === 0;
  const seconds = duration((clock.now() - startedAt) / 1000);
  const verdict = passed ? `Passed in ${seconds}: run ${runId} has all of the sample in Athena.` : `Failed after ${seconds}:`;
  const lines = [verdict, ...trouble.flatMap(({ words, look }) => [`  ${words}`, `    look at: ${look}`])];
  (options.json ? process.stderr : process.stdout).write(`${lines.join('\n')}\n`);
  say(`What it left in the stack goes with: npm run forget -- --dataset ${SMOKE_DATASET} --stack ${name}`);
  if (options.json) process.stdout.write(`${JSON.stringify({ passed, run_id: runId ?? null, counts: counts ?? null, trouble })}\n`);
  return passed ? 0 : 1;
}

interface Smoked {
  runId?: string;
  counts?: Counts;
  trouble: Trouble[];
}

async function smoke(stack: DeployedStack, place: QueryPlace, minutes: number, clock: Clock, say: (line: string) => void): Promise<Smoked> {
  const sample = localUpload(undefined, OFFLINE_ENDPOINT, { settings: {} });
  const explained = await explainUpload(sample);
  // A name of its own each time: it tells the run apart from those of earlier times.
  const file = `smoke-${new Date(clock.now()).toISOString().replace(/\D/g, '')}`;
  const key = `${SMOKE_DATASET}/${file}.csv`;
  await stack.input.put(key, readFileSync(sample.path));
  say(`Dropped s3://${stack.input.bucket}/${key}: ${explained.rows_in} rows, ${explained.calls} model calls`);

  const runId = await acceptedRun(stack, file, clock);
  if (runId === undefined) {
    const words = `No run of the upload was accepted within ${duration(ACCEPTANCE_SECONDS)}.`;
    const look = 'the queues of the stack (messages in a dead-letter queue), the EventBridge rule, and the log of accept-upload';
    return { trouble: [{ words, look }] };
  }
  say(`Run ${runId} is accepted`);
  const state = await endedRun(stack, runId, minutes, clock);
  const status = `npm run status -- ${runId} --stack ${stack.name}`;
  const execution = `${status}; execution ${runId}-1 of ${stackOutputs.stateMachine} in Step Functions`;
  if (state?.finished_at === null) {
    return { runId, trouble: [{ words: `Run ${runId} is still ${state.status} after ${minutes} min.`, look: execution }] };
  }
  if (state?.status !== 'complete') {
    const look = `${execution}; npm run doctor -- --stack ${stack.name} for the model key`;
    return { runId, trouble: [{ words: `Run ${runId} ended ${state?.status ?? 'unseen'}.`, look }] };
  }
  const expected: Counts = {
    rows_in: explained.rows_in,
    rows: explained.rows_staged,
    rejected: explained.rows_rejected,
    batches: explained.batches,
    summarized: explained.rows_staged,
  };
  try {
    const counts = await countsInAthena(runId, place, clock);
    return { runId, counts, trouble: differences(expected, counts, stack) };
  } catch (error) {
    const words = `The rows could not be counted (${(error as Error).message}).`;
    return { runId, trouble: [{ words, look: `workgroup ${place.workgroup} in Athena, its history of queries` }] };
  }
}

/** The id of the run whose name begins like the upload, undefined where none shows in time. */
async function acceptedRun({ work }: DeployedStack, file: string, clock: Clock): Promise<string | undefined> {
  const deadline = clock.now() + ACCEPTANCE_SECONDS * 1000;
  for (;;) {
    for await (const folder of work.folders(`${RUNS_PREFIX}${file}-`)) return folder.slice(RUNS_PREFIX.length, -1);
    if (clock.now() >= deadline) return undefined;
    await clock.sleep(POLL_SECONDS);
  }
}

/** The run when its attempt has ended, or as it is when the time is over. */
async function endedRun(stack: DeployedStack, runId: string, minutes: number, clock: Clock): Promise<RunState | undefined> {
  const deadline = clock.now() + minutes * 60_000;
  for (;;) {
    const state = (await readRun(runId, executionHome(stack, clock)))?.state;
    const isOpen = state === undefined || state.status === 'running' || state.status === 'claimed';
    if (!isOpen || clock.now() >= deadline) return state;
    await clock.sleep(POLL_SECONDS);
  }
}

async function countsInAthena(runId: string, place: QueryPlace, clock: Clock): Promise<Counts> {
  const of = (table: string, more = '') => `(SELECT count(*) FROM ${table} WHERE run_id = '${runId}'${more})`;
  const sql = `SELECT (SELECT max(rows_in) FROM runs WHERE run_id = '${runId}') AS rows_in, ${of('row_summaries')} AS rows_read, ${of('rejected_rows')} AS rejected, ${of('batch_summaries', ' AND level = 0')} AS batches, ${of('row_summaries', ' AND summary IS NOT NULL')} AS summarized`;
  const engine = athenaEngine(athenaCalls(place), { words: 'the stack', clock, longestSeconds: LONGEST_QUERY_SECONDS });
  const { rows } = await allRows(await engine.ask({ sql }));
  engine.close();
  const number = (name: string) => Number(rows[0]?.[name] ?? 0);
  return {
    rows_in: number('rows_in'),
    rows: number('rows_read'),
    rejected: number('rejected'),
    batches: number('batches'),
    summarized: number('summarized'),
  };
}

const words: Record<keyof Counts, string> = {
  rows_in: 'rows_in of the table runs',
  rows: 'rows of row_summaries',
  rejected: 'rows of rejected_rows',
  batches: 'batches in batch_summaries',
  summarized: 'rows with a summary',
};

const differences = (expected: Counts, counts: Counts, { results }: DeployedStack): Trouble[] =>
  (Object.keys(expected) as (keyof Counts)[])
    .filter((name) => counts[name] !== expected[name])
    .map((name) => ({
      words: `Athena counts ${counts[name]} ${words[name]}, the sample has ${expected[name]}.`,
      look: `the table's files below s3://${results.bucket}/tables/, and its location and projection in Glue`,
    }));
