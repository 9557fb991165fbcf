import pLimit from 'p-limit';
import { readAttempt } from '../functions/shared/attempt.ts';
import type { RunStatus } from '../functions/shared/contract.ts';
import { ConfigError } from '../functions/shared/errors.ts';
import { parseJson } from '../functions/shared/json-lines.ts';
import { manifestKey, outcomePrefix, RUNS_PREFIX, runRecordKey } from '../functions/shared/object-keys.ts';
import { type Plan, readPlan } from '../functions/shared/plan.ts';
import type { ObjectStore } from '../functions/shared/ports.ts';
import { type AttemptHome, type LatestAttempt, readLatest } from './attempt-home.ts';
import type { RunRecord } from './local-run.ts';

/** Runs looked at: each takes some reads, and more lines than this nobody reads. */
export const MAX_RUNS = 1_000;
const RUNS_IN_FLIGHT = 24;
/** Outcomes counted of one level: a listing of ten requests. */
const MAX_COUNTED = 10_000;

/** `running`: its owner works on it; `claimed`: its execution was not started yet; `aborted`: its owner ended without closing it. */
export type ShownStatus = RunStatus | 'running' | 'claimed' | 'aborted';

export interface LevelProgress {
  level: number;
  /** Batches that have an outcome, of this attempt or an earlier one; null where they are too many to count. */
  batches_done: number | null;
  batches_planned: number;
}

/** A run as `status --json` lists it; names that the table `runs` has, too, mean the same, as of the last attempt that ended. */
export interface RunState {
  run_id: string;
  dataset: string | null;
  source_key: string | null;
  status: ShownStatus;
  attempt: number;
  /** Of a running attempt that is planned. */
  progress: LevelProgress[] | null;
  rows_in: number | null;
  rows_summarized: number | null;
  rows_failed: number | null;
  rows_rejected: number | null;
  rows_skipped: number | null;
  calls: number | null;
  cost_usd: number | null;
  started_at: string | null;
  /** When the latest attempt ended, null while it is open. */
  finished_at: string | null;
}

/** What is stored of a run. */
export interface StoredRun {
  state: RunState;
  latest: LatestAttempt;
  plan: Plan | undefined;
  /** Left by the last attempt that ended by itself. */
  record: RunRecord | undefined;
}

/** @returns undefined where the run has no attempt. */
export async function readRun(runId: string, home: AttemptHome): Promise<StoredRun | undefined> {
  const { work } = home;
  const [latest, plan, recordBytes] = await Promise.all([readLatest(runId, home), readPlan(work, runId), work.get(runRecordKey(runId))]);
  if (!latest) return undefined;
  const record = recordBytes && (parseJson(recordBytes) as RunRecord);
  const status = statusOf(latest);
  const number = (name: string) => (typeof record?.[name] === 'number' ? record[name] : null);
  const text = (name: string) => (typeof record?.[name] === 'string' ? record[name] : null);
  const state: RunState = {
    run_id: runId,
    dataset: latest.claim?.dataset ?? plan?.dataset ?? text('dataset'),
    source_key: latest.claim?.source?.key ?? plan?.source.key ?? text('source_key'),
    status,
    attempt: latest.attempt,
    progress: status === 'running' && plan ? await progressOf(plan, work) : null,
    rows_in: number('rows_in') ?? plan?.counts.rowsIn ?? null,
    rows_summarized: number('rows_summarized'),
    rows_failed: number('rows_failed'),
    rows_rejected: number('rows_rejected'),
    rows_skipped: number('rows_skipped'),
    calls: number('calls'),
    cost_usd: number('cost_usd'),
    started_at: plan?.startedAt ?? text('started_at') ?? (await readAttempt(work, runId, 1))?.acceptedAt ?? null,
    finished_at: latest.closed?.closedAt ?? null,
  };
  return { state, latest, plan, record };
}

function statusOf({ closed, owner }: LatestAttempt): ShownStatus {
  if (closed) return closed.status;
  return owner?.kind === 'working' ? 'running' : owner?.kind === 'unstarted' ? 'claimed' : 'aborted';
}

async function progressOf({ runId, counts }: Plan, work: ObjectStore): Promise<LevelProgress[]> {
  const levels: LevelProgress[] = [];
  for (let level = 0; ; level++) {
    const planned = level === 0 ? counts.batches : await linesOf(work, manifestKey(runId, level));
    if (planned === undefined) return levels;
    levels.push({ level, batches_done: await countedBelow(work, outcomePrefix(runId, level)), batches_planned: planned });
  }
}

/** @returns undefined where there is no such object. Above level 0 a manifest has a hundredth of the lines below it. */
async function linesOf(work: ObjectStore, key: string): Promise<number | undefined> {
  const bytes = await work.get(key);
  return bytes?.reduce((lines, byte) => lines + (byte === 10 ? 1 : 0), 0);
}

async function countedBelow(work: ObjectStore, prefix: string): Promise<number | null> {
  let objects = 0;
  for await (const _ of work.list(prefix)) if (++objects > MAX_COUNTED) return null;
  return objects;
}

/** Ids of the runs that begin so, by name; `isCut`: there are more than are looked at. */
export async function runIds(work: ObjectStore, prefix = ''): Promise<{ ids: string[]; isCut: boolean }> {
  const ids: string[] = [];
  for await (const folder of work.folders(`${RUNS_PREFIX}${prefix}`)) {
    if (ids.length === MAX_RUNS) return { ids, isCut: true };
    ids.push(folder.slice(RUNS_PREFIX.length, -1));
  }
  return { ids, isCut: false };
}

/** The runs that begin so, the newest first. */
export async function listRuns(home: AttemptHome, prefix = ''): Promise<{ runs: StoredRun[]; isCut: boolean }> {
  const { ids, isCut } = await runIds(home.work, prefix);
  const limit = pLimit(RUNS_IN_FLIGHT);
  const runs = await Promise.all(ids.map((runId) => limit(() => readRun(runId, home))));
  const newestFirst = (one: StoredRun, other: StoredRun) => ((one.state.started_at ?? '') < (other.state.started_at ?? '') ? 1 : -1);
  return { runs: runs.filter((run) => run !== undefined).toSorted(newestFirst), isCut };
}

/**
 * Ids of the runs that RUN names: the very run, or all that begin so.
 * @throws ConfigError: there is none. `place` says where, for the message.
 */
export async function namedRuns(name: string, { work }: AttemptHome, place: string): Promise<string[]> {
  const ids = /^[a-z0-9-]+$/.test(name) ? (await runIds(work, name)).ids : [];
  if (ids.length === 0) throw new ConfigError(`There is no run ${name} in ${place}.`, { code: 'no_such_run' });
  return ids.includes(name) ? [name] : ids;
}
