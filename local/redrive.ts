import pLimit from 'p-limit';
import { runOfClaim } from '../functions/shared/attempt.ts';
import type { Run } from '../functions/shared/contract.ts';
import { ConfigError } from '../functions/shared/errors.ts';
import { readParts } from '../functions/shared/folder-parts.ts';
import { requirePrice } from '../functions/shared/known-price.ts';
import { readPlan } from '../functions/shared/plan.ts';
import type { ObjectStore } from '../functions/shared/ports.ts';
import { readRefusal } from '../functions/shared/refusal.ts';
import { resolveSettings, settingsOfAttempt } from '../functions/shared/settings.ts';
import { type AttemptHome, claimRun, type LatestAttempt, settledLatest } from './attempt-home.ts';

const HEADS_IN_FLIGHT = 64;

/** An attempt that may be run next. */
export interface NextAttempt {
  run: Run;
  /** It was claimed before and never started: it is started as it was claimed, whatever settings are asked for now. */
  isClaimed: boolean;
}

/**
 * The attempt with which a run goes on: all that made the run, with the settings of its latest attempt and those that are changed.
 * @throws ConfigError: there is nothing to go on with, or somebody works on the run; a setting is wrong.
 */
export async function nextAttempt(runId: string, changes: Readonly<Record<string, unknown>>, home: AttemptHome): Promise<NextAttempt> {
  resolveSettings([{ origin: 'command line', values: changes }]);
  const latest = await settledLatest(runId, home);
  if (!latest) throw new ConfigError(`Run ${runId} has no attempt: nothing of it can be taken up.`, { code: 'no_attempt' });
  const stored = await storedRun(runId, latest, home.work);
  if (!latest.closed) return { run: stored, isClaimed: true };
  await requireRemainder(runId, latest.closed.status, changes, home.work);
  const settings = settingsOfAttempt(stored.settings, { ...stored.settings, ...latest.claim?.settings, ...changes });
  requirePrice(stored.endpoint, settings);
  return { run: { ...stored, attempt: latest.attempt + 1, settings }, isClaimed: false };
}

/**
 * Claims an attempt that was found to be next.
 * @throws ConfigError: somebody else was faster.
 */
export async function claimRedrive(run: Run, home: AttemptHome): Promise<void> {
  const { isOurs } = await claimRun(run, home);
  if (isOurs) return;
  throw new ConfigError(`Somebody else has started attempt ${run.attempt} of ${run.runId} just now: nothing was done here.`, {
    code: 'claimed_by_another',
  });
}

/** What the run reads, and how: by its plan, else by the claim of its latest attempt. @throws ConfigError: neither says it. */
async function storedRun(runId: string, { attempt, claim }: LatestAttempt, work: ObjectStore): Promise<Run> {
  const claimed = claim && runOfClaim(claim);
  if (claimed) return claimed;
  const plan = await readPlan(work, runId);
  if (plan) {
    const { dataset, source, limit, endpoint, settings } = plan;
    return { runId, attempt, dataset, source, limit, endpoint, settings };
  }
  const words = `Run ${runId} was started by an older version and never planned, so nothing says what it reads: run its file again.`;
  throw new ConfigError(words, { code: 'input_unknown' });
}

/** @throws ConfigError: another attempt would find nothing to do. */
async function requireRemainder(
  runId: string,
  status: string,
  changes: Readonly<Record<string, unknown>>,
  work: ObjectStore,
): Promise<void> {
  if (status === 'complete') {
    throw new ConfigError(`Run ${runId} is complete and nothing of it failed: there is nothing to redrive.`, { code: 'run_complete' });
  }
  if (status !== 'rejected') return;
  const refusal = await readRefusal(work, runId);
  // The cap is no part of the run's identity, so this refusal alone can be mended without another run.
  const isBudget = refusal?.origin === 'budget';
  if (isBudget && changes.maxCostUsd !== undefined) return;
  const remedy = isBudget
    ? 'give a higher --max-cost-usd.'
    : `there is nothing to redrive; mend ${refusal?.origin === 'settings' ? 'the settings' : 'the file'} and start a run of it.`;
  throw new ConfigError(`Run ${runId} was rejected (${refusal?.reason ?? 'its upload cannot be read'}): ${remedy}`, {
    code: 'run_rejected',
  });
}

/**
 * Nothing where the run is planned, since its rows are staged then, or its upload still has the version that it reads.
 * @throws ConfigError: the upload is gone.
 */
export async function requireSource({ runId, source }: Run, input: ObjectStore, work: ObjectStore): Promise<void> {
  if (await readPlan(work, runId)) return;
  const { key, versionId, parts } = source;
  const objects =
    parts === undefined ? [{ key, versionId }] : ((await readParts(work, runId)) ?? []).map((part) => ({ ...part, key: key + part.key }));
  const limit = pLimit(HEADS_IN_FLIGHT);
  try {
    await Promise.all(objects.map((object) => limit(() => input.head(object.key, { versionId: object.versionId }))));
  } catch (cause) {
    if ((cause as Error).name !== 'ObjectNotFound') throw cause;
    throw new ConfigError(`What run ${runId} reads is gone or was replaced (${(cause as Error).message}): run the file again.`, {
      code: 'source_gone',
      cause,
    });
  }
}
