import { claimAttempt, closeAttempt, latestAttempt, readAttempt, readClosedAttempt } from '../functions/shared/attempt.ts';
import type { Run } from '../functions/shared/contract.ts';
import { ConfigError } from '../functions/shared/errors.ts';
import { contentPrefix } from '../functions/shared/object-keys.ts';
import { outcomeKeys, readOutcomeAt } from '../functions/shared/outcome.ts';
import type { Clock, ObjectStore } from '../functions/shared/ports.ts';
import { answerIdOf, findContent } from '../functions/summarize-batch/content.ts';
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

/**
 * Dollars that the run's attempts have paid so far: by its outcomes, and by the answers that a killed process had kept without coming to
 * the outcome.
 */
export async function spentBefore(run: Run, work: ObjectStore): Promise<number> {
  const paid = new Map<string, number>();
  for await (const key of outcomeKeys(work, run.runId)) {
    const outcome = await readOutcomeAt(work, key);
    for (const { answerId, costUsd } of outcome?.payments ?? [])
      paid.set(`${outcome?.level} ${outcome?.batchId} ${answerId}`, costUsd ?? 0);
  }
  for await (const { key } of work.list(contentPrefix(run.dataset))) {
    const content = await findContent(work, key);
    if (content?.paidBy.runId === run.runId) {
      const { level, batchId } = content.paidBy;
      paid.set(`${level} ${batchId} ${answerIdOf(content, key)}`, content.costUsd ?? 0);
    }
  }
  return [...paid.values()].reduce((sum, costUsd) => sum + costUsd, 0);
}
