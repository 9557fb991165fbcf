import { executionName } from '../functions/shared/attempt.ts';
import type { Run } from '../functions/shared/contract.ts';
import { ConfigError } from '../functions/shared/errors.ts';
import { OFFLINE_ENDPOINT } from '../functions/shared/model-catalog.ts';
import { count } from './figures.ts';
import { localStores } from './local-stores.ts';
import { chooseModel, type ModelChoice } from './model-choice.ts';
import { claimRedrive, type NextAttempt, nextAttempt, requireSource } from './redrive.ts';
import { runAttempt } from './run-command.ts';
import { oneNamed, shortened } from './run-name.ts';
import { openPlace, type PlaceOptions, type RunPlace } from './run-place.ts';
import { listRuns, readRun, type ShownStatus, type StoredRun } from './run-states.ts';
import { DEFAULT_CONCURRENCY } from './setting-flags.ts';

export interface RedriveOptions extends PlaceOptions {
  /** Settings named on the command line, by their names: those that may differ between attempts. */
  settings: Record<string, unknown>;
  concurrency?: number;
  onEvent?: string;
  onEventTimeout: number;
  offline?: true;
  json?: true;
  verbose?: true;
  quiet?: true;
}

const redrivable: ReadonlySet<ShownStatus> = new Set(['partial', 'failed', 'halted', 'aborted', 'claimed']);

/**
 * `hundredfold redrive`: another attempt of a run, here or in a deployed stack. @returns the exit code; that of the attempt where it runs here.
 * @throws ConfigError: nothing is to be done, or not by this environment.
 */
export async function redriveCommand(name: string | undefined, options: RedriveOptions): Promise<number> {
  const place = await openPlace(options);
  if (place.stack && (options.concurrency !== undefined || options.offline || options.onEvent !== undefined)) {
    throw new ConfigError(
      '--concurrency, --offline and --on-event are for runs of this machine; those of a stack have what it was deployed with.',
      {
        code: 'flag_not_for_stack',
      },
    );
  }
  const runId = name === undefined ? await onlyRedrivable(place) : await oneNamed(name, place);
  const next = await nextAttempt(runId, options.settings, place.home);
  if (place.stack) return startInStack(next, place, options);

  const model = modelOf(next.run, options.offline === true);
  await requireSource(next.run, place.input, place.home.work);
  await tellWhatStays(runId, place);
  await claimRedrive(next.run, place.home);
  return runAttempt(next.run, model, localStores(options.out), { ...options, concurrency: options.concurrency ?? DEFAULT_CONCURRENCY });
}

async function startInStack(next: NextAttempt, place: RunPlace, options: RedriveOptions): Promise<number> {
  const { run, isClaimed } = next;
  const { endpoint, executions } = place.stack!;
  if (run.endpoint !== endpoint) {
    throw new ConfigError(`Run ${run.runId} asks ${run.endpoint}, but ${place.words} asks ${endpoint}: start a run of its file instead.`, {
      code: 'other_endpoint',
    });
  }
  if (!isClaimed) {
    await requireSource(run, place.input, place.home.work);
    await tellWhatStays(run.runId, place);
    await claimRedrive(run, place.home);
  }
  const name = executionName(run);
  await executions.start(name, run);
  const said = isClaimed
    ? `Attempt ${run.attempt} of ${run.runId} had been claimed and not started; it is started now, with the settings that it was claimed with.`
    : `Attempt ${run.attempt} of ${run.runId} is started.`;
  const arn = executions.arnOf(name);
  const lines = [said, `  execution  ${arn}`, `  progress   npm run status -- ${run.runId}${place.flags}`];
  if (options.json)
    process.stdout.write(`${JSON.stringify({ run_id: run.runId, attempt: run.attempt, execution_arn: arn, was_claimed: isClaimed })}\n`);
  else process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

/** Rows that the model refused within batches that have a summary: those batches are not asked for again. */
async function tellWhatStays(runId: string, { home }: RunPlace): Promise<void> {
  const { latest, record } = (await readRun(runId, home)) ?? {};
  if (latest?.closed?.status !== 'partial' || record?.batches_failed !== 0 || !record.rows_failed) return;
  const rows = count(Number(record.rows_failed));
  process.stderr.write(
    `Note: no batch failed as a whole; the ${rows} failed rows had no answer that serves, and stay so in this run. Another --model or --instruction is another run.\n`,
  );
}

/**
 * Who answers: the run's own endpoint, which is part of its identity, with the key of the environment.
 * @throws ConfigError: the environment leads elsewhere.
 */
function modelOf({ runId, endpoint }: Run, isOffline: boolean): ModelChoice {
  if (endpoint === OFFLINE_ENDPOINT) return { endpoint: OFFLINE_ENDPOINT };
  const model = chooseModel({ hasFile: true, isOffline, env: process.env });
  if (model.endpoint === endpoint) return model;
  const asked = model.endpoint === OFFLINE_ENDPOINT ? 'the offline model server' : model.endpoint;
  throw new ConfigError(
    `Run ${runId} asks ${endpoint}, but this command would ask ${asked}: set OPENAI_BASE_URL to the run's endpoint, with its key, or run the file again.`,
    { code: 'other_endpoint' },
  );
}

/** The one run that can be taken up; where there are several, paying for one of them is not left to a guess. */
async function onlyRedrivable(place: RunPlace): Promise<string> {
  const { runs } = await listRuns(place.home);
  const candidates = runs.filter(({ state }) => redrivable.has(state.status));
  const [only, ...others] = candidates;
  if (!only) throw new ConfigError(`There is nothing to redrive in ${place.words}.`, { code: 'nothing_to_redrive' });
  if (others.length === 0) return only.state.run_id;
  throw new ConfigError(
    `Several runs can be taken up; name one of them, the newest is first:\n${shortened(candidates.map(lineOf)).join('\n')}`,
    {
      code: 'ambiguous_run',
    },
  );
}

const lineOf = ({ state }: StoredRun) => `  ${state.run_id}  ${state.status}  ${state.source_key ?? ''}`;
