import { claimAttempt, closeAttempt, latestAttempt, readAttempt, readClosedAttempt } from '../functions/shared/attempt.ts';
import type { Run } from '../functions/shared/contract.ts';
import { ConfigError } from '../functions/shared/errors.ts';
import { outcomePrefix } from '../functions/shared/object-keys.ts';
import { readOutcomeAt } from '../functions/shared/outcome.ts';
import type { Clock, ObjectStore } from '../functions/shared/ports.ts';
import { livingProcess, thisOwner } from './owner.ts';

/**
 * The run as its next attempt, claimed for this process. An attempt whose owner is gone is closed as aborted.
 * @throws ConfigError: another living process works on the run.
 */
export async function claimNextAttempt(run: Run, work: ObjectStore, clock: Clock): Promise<Run> {
  const now = () => new Date(clock.now()).toISOString();
  for (;;) {
    const latest = await latestAttempt(work, run.runId);
    if (latest > 0 && !(await readClosedAttempt(work, run.runId, latest))) {
      const owner = (await readAttempt(work, run.runId, latest))?.owner ?? '';
      const pid = livingProcess(owner);
      if (pid !== undefined) {
        throw new ConfigError(`Process ${pid} is working on this very run. Wait until it ends, or stop it (kill ${pid}) and run again.`, {
          code: 'run_in_progress',
        });
      }
      await closeAttempt(work, run.runId, latest, { status: 'aborted', closedAt: now() });
    }
    const attempt = latest + 1;
    const { isOurs } = await claimAttempt(work, run.runId, { attempt, owner: thisOwner(), acceptedAt: now(), settings: run.settings });
    if (isOurs) return { ...run, attempt };
  }
}

/** Dollars that the run's attempts have paid so far, as its outcomes say. */
export async function spentBefore(run: Run, work: ObjectStore): Promise<number> {
  let spentUsd = 0;
  for await (const { key } of work.list(outcomePrefix(run.runId, 0))) {
    const outcome = await readOutcomeAt(work, key);
    for (const { costUsd } of outcome?.payments ?? []) spentUsd += costUsd ?? 0;
  }
  return spentUsd;
}
