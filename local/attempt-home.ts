import {
  type Attempt,
  type Claimed,
  type ClosedAttempt,
  claimAttempt,
  closeAttempt,
  latestAttempt,
  readAttempt,
  readClosedAttempt,
} from '../functions/shared/attempt.ts';
import type { Run } from '../functions/shared/contract.ts';
import { ConfigError } from '../functions/shared/errors.ts';
import { forgettingKey } from '../functions/shared/object-keys.ts';
import type { Clock, ObjectStore } from '../functions/shared/ports.ts';

/** What is known of the owner of an attempt that is not closed. */
export type OwnerState =
  /** `words`: a sentence on who works on the run and what can be done about it. */
  | { kind: 'working'; words: string }
  /** `ending`: how it ended, null where nobody knows. */
  | { kind: 'gone'; ending: string | null }
  /** Its execution was never started: whoever comes next starts it. */
  | { kind: 'unstarted' };

/** Where attempts are owned: by the processes of this machine, or by the executions of a state machine. */
export interface AttemptHome {
  work: ObjectStore;
  clock: Clock;
  /** Who will own an attempt that is claimed now. */
  ownerOf(run: Run): Pick<Attempt, 'owner' | 'claimant'>;
  ownerState(claim: Attempt): Promise<OwnerState>;
}

export interface LatestAttempt {
  attempt: number;
  claim: Attempt | undefined;
  /** How it ended, undefined while it is open. */
  closed: ClosedAttempt | undefined;
  /** Of an open attempt. */
  owner: OwnerState | undefined;
}

/** @returns undefined where the run has no attempt. */
export async function readLatest(runId: string, { work, ownerState }: AttemptHome): Promise<LatestAttempt | undefined> {
  const attempt = await latestAttempt(work, runId);
  if (attempt === 0) return undefined;
  const [claim, closed] = await Promise.all([readAttempt(work, runId, attempt), readClosedAttempt(work, runId, attempt)]);
  if (closed) return { attempt, claim, closed, owner: undefined };
  return { attempt, claim, closed, owner: claim ? await ownerState(claim) : { kind: 'gone', ending: null } };
}

/**
 * The same, closed as aborted where its owner is gone: open only where it was never started.
 * @throws ConfigError: its owner works on the run, or it is being forgotten.
 */
export async function settledLatest(runId: string, home: AttemptHome): Promise<LatestAttempt | undefined> {
  if (await home.work.head(forgettingKey(runId))) {
    const words = `Run ${runId} is being forgotten: bring that to its end first (npm run forget -- --run ${runId}).`;
    throw new ConfigError(words, { code: 'run_being_forgotten' });
  }
  const latest = await readLatest(runId, home);
  if (latest?.owner?.kind === 'working') throw new ConfigError(latest.owner.words, { code: 'run_in_progress' });
  if (latest?.owner?.kind !== 'gone') return latest;
  const { attempt, claim } = latest;
  await closeAttempt(home.work, runId, attempt, { status: 'aborted', closedAt: timeOf(home) });
  return { attempt, claim, closed: await readClosedAttempt(home.work, runId, attempt), owner: undefined };
}

/** Claims the run's attempt for the owner that this home gives it. */
export const claimRun = (run: Run, home: AttemptHome): Promise<Claimed> =>
  claimAttempt(home.work, run.runId, { ...run, ...home.ownerOf(run), acceptedAt: timeOf(home) });

const timeOf = ({ clock }: AttemptHome) => new Date(clock.now()).toISOString();
