import { readAttempt, readClosedAttempt } from '../functions/shared/attempt.ts';
import { parseJson } from '../functions/shared/json-lines.ts';
import { OFFLINE_ENDPOINT, OFFLINE_MODEL } from '../functions/shared/model-catalog.ts';
import { BUDGET_EXCEEDED, type ObjectStore } from '../functions/shared/ports.ts';
import { readRefusal } from '../functions/shared/refusal.ts';
import { changedSettings, type Settings } from '../functions/shared/settings.ts';
import type { RunPlace } from './run-place.ts';
import { type RunState, readRun, type ShownStatus, type StoredRun } from './run-states.ts';

/** Attempts that are listed: the latest. */
const SHOWN_ATTEMPTS = 20;

export interface AttemptState {
  attempt: number;
  status: ShownStatus;
  /** ARN of the execution, or `process:<pid>@<start time>`. */
  owner: string | null;
  accepted_at: string | null;
  closed_at: string | null;
}

/** A run as `status RUN --json` shows it. */
export interface RunDetail extends RunState {
  source_version: string | null;
  endpoint: string | null;
  model: string | null;
  /** Why the latest attempt did not end complete. */
  stop_reason: string | null;
  notes: string[];
  /** Settings that differ from their defaults, as of the latest attempt. */
  settings: Partial<Settings>;
  attempts: AttemptState[];
  /** How to go on, in one sentence. */
  next: string;
}

/** @returns undefined where the run has no attempt. */
export async function readDetail(runId: string, place: RunPlace): Promise<RunDetail | undefined> {
  const { home } = place;
  const run = await readRun(runId, home);
  if (!run) return undefined;
  const { state, latest, plan, record } = run;
  const { claim } = latest;
  const endpoint = claim?.endpoint ?? plan?.endpoint ?? null;
  const model = endpoint === OFFLINE_ENDPOINT ? OFFLINE_MODEL : (claim?.settings.model ?? null);
  const refusal = state.status === 'rejected' ? await readRefusal(home.work, runId) : undefined;
  const stopReason = stopReasonOf(run);
  return {
    ...state,
    source_version: claim?.source?.versionId ?? plan?.source.versionId ?? null,
    endpoint,
    model,
    stop_reason: stopReason,
    notes: typeof record?.notes === 'string' ? (parseJson(Buffer.from(record.notes)) as string[]) : (plan?.notes ?? []),
    settings: claim ? changedSettings(claim.settings) : {},
    attempts: await attemptsOf(run, home.work),
    next: nextStep(run, { place, isBudget: stopReason?.startsWith(BUDGET_EXCEEDED) || refusal?.origin === 'budget' }),
  };
}

function stopReasonOf({ latest, record, state }: StoredRun): string | null {
  if (state.status === 'aborted') {
    const ending = latest.owner?.kind === 'gone' ? latest.owner.ending : null;
    return `its owner ended${ending === null ? '' : ` ${ending}`} without closing it`;
  }
  return latest.closed && typeof record?.stop_reason === 'string' ? record.stop_reason : null;
}

async function attemptsOf({ latest, state }: StoredRun, work: ObjectStore): Promise<AttemptState[]> {
  const first = Math.max(1, latest.attempt - SHOWN_ATTEMPTS + 1);
  const numbers = Array.from({ length: latest.attempt - first + 1 }, (_, index) => first + index);
  return Promise.all(
    numbers.map(async (attempt) => {
      const [claim, closed] = await Promise.all([readAttempt(work, state.run_id, attempt), readClosedAttempt(work, state.run_id, attempt)]);
      const status = attempt === latest.attempt ? state.status : (closed?.status ?? 'aborted');
      const times = { accepted_at: claim?.acceptedAt ?? null, closed_at: closed?.closedAt ?? null };
      return { attempt, status, owner: claim?.owner ?? null, ...times };
    }),
  );
}

function nextStep({ state, latest }: StoredRun, { place, isBudget }: { place: RunPlace; isBudget: boolean | undefined }): string {
  const { run_id: runId, status } = state;
  const redrive = `npm run redrive -- ${runId}${place.flags}`;
  if (latest.owner?.kind === 'working') return latest.owner.words;
  if (isBudget) return `Go on with a higher cap: ${redrive} --max-cost-usd N`;
  if (status === 'complete') {
    const sql = `"select id, text, summary from row_summaries where run_id = '${runId}'"`;
    return place.stack ? `Ask in Athena: ${sql}` : `Ask: npm run query --${place.flags} ${sql}`;
  }
  if (status === 'rejected') return `Mend the file or its settings and start a run of it: this one cannot be taken up.`;
  return `${status === 'claimed' ? 'Its execution was not started yet; start it' : 'Go on'}: ${redrive}`;
}
