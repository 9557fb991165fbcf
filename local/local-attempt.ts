import type { Run } from '../functions/shared/contract.ts';
import { contentPrefix } from '../functions/shared/object-keys.ts';
import { outcomeKeys, readOutcomeAt } from '../functions/shared/outcome.ts';
import type { Clock, ObjectStore } from '../functions/shared/ports.ts';
import { answerIdOf, findContent } from '../functions/summarize-batch/content.ts';
import { type AttemptHome, claimRun, settledLatest } from './attempt-home.ts';
import { livingProcess, thisOwner } from './owner.ts';

/** Attempts are owned by the processes of this machine. */
export const processHome = (work: ObjectStore, clock: Clock): AttemptHome => ({
  work,
  clock,
  ownerOf: () => ({ owner: thisOwner() }),
  async ownerState({ owner }) {
    const pid = livingProcess(owner);
    if (pid === undefined) return { kind: 'gone', ending: null };
    const words = `Process ${pid} is working on this very run. Wait until it ends, or stop it (kill ${pid}) and run again.`;
    return { kind: 'working', words };
  },
});

/**
 * The run as its next attempt, claimed for this process. An attempt whose owner is gone is closed as aborted.
 * @throws ConfigError: another living process works on the run.
 */
export async function claimNextAttempt(run: Run, work: ObjectStore, clock: Clock): Promise<Run> {
  const home = processHome(work, clock);
  for (;;) {
    const latest = await settledLatest(run.runId, home);
    const next = { ...run, attempt: (latest?.attempt ?? 0) + 1 };
    const { isOurs } = await claimRun(next, home);
    if (isOurs) return next;
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
