import * as z from 'zod';
import { type Run, runSchema, runStatuses } from './contract.ts';
import { parseJson } from './json-lines.ts';
import { attemptClosedKey, attemptKey, attemptPrefix } from './object-keys.ts';
import type { ObjectStore } from './ports.ts';

/**
 * The claim on one attempt of a run, written once and never changed. It holds the execution's input, so that whoever comes next can start, close
 * or go on with what its owner left. Claims of older versions hold attempt and settings alone. The settings outside the run's identity may
 * differ from other attempts'.
 */
const attemptSchema = runSchema.partial({ runId: true, dataset: true, source: true, limit: true, endpoint: true }).extend({
  /** ARN of the execution, or `process:<pid>@<start time>`. */
  owner: z.string(),
  acceptedAt: z.iso.datetime(),
  /** Tells those apart who claim for the same execution; absent where any of them may take the claim for its own. */
  claimant: z.string().optional(),
});
export type Attempt = z.infer<typeof attemptSchema>;

/** Name of an attempt's execution: it leads back to the claim. */
export const executionName = ({ runId, attempt }: Pick<Run, 'runId' | 'attempt'>) => `${runId}-${attempt}`;

/** The execution's input that a claim stands for, the same bytes whoever asks; undefined where an older version wrote the claim. */
export const runOfClaim = (claim: Attempt): Run | undefined => runSchema.safeParse(claim).data;

const rows = z.int().min(0);

const closedSchema = z.object({
  status: z.enum([...runStatuses, 'aborted']),
  closedAt: z.iso.datetime(),
  /** Rows of the run at that time, so that the next attempt counts only what it adds; absent where nobody came to count them. */
  rows: z.object({ read: rows, summarized: rows, rejected: rows }).optional(),
});
export type ClosedAttempt = z.infer<typeof closedSchema>;

export interface Claimed {
  /** The claim that stands. */
  claim: Attempt;
  /** Whether it is the caller's, made now or before. */
  isOurs: boolean;
  /** Whether it was made now. */
  isNew: boolean;
}

/** Claims an attempt; the claim of whoever was first stands. */
export async function claimAttempt(work: ObjectStore, runId: string, attempt: Attempt): Promise<Claimed> {
  const key = attemptKey(runId, attempt.attempt);
  if (await work.putIfAbsent(key, JSON.stringify(attempt))) return { claim: attempt, isOurs: true, isNew: true };
  const claim = await readAttempt(work, runId, attempt.attempt);
  if (!claim) throw new Error(`The claim on attempt ${attempt.attempt} of ${runId} vanished`);
  return { claim, isOurs: claim.owner === attempt.owner && claim.claimant === attempt.claimant, isNew: false };
}

export async function readAttempt(work: ObjectStore, runId: string, attempt: number): Promise<Attempt | undefined> {
  const bytes = await work.get(attemptKey(runId, attempt));
  return bytes && attemptSchema.parse(parseJson(bytes));
}

/** @returns how the attempt ended, undefined while it is open. */
export async function readClosedAttempt(work: ObjectStore, runId: string, attempt: number): Promise<ClosedAttempt | undefined> {
  const bytes = await work.get(attemptClosedKey(runId, attempt));
  return bytes && closedSchema.parse(parseJson(bytes));
}

/** Records how an attempt ended; the first record stands. */
export const closeAttempt = (work: ObjectStore, runId: string, attempt: number, closed: ClosedAttempt) =>
  work.putIfAbsent(attemptClosedKey(runId, attempt), JSON.stringify(closed));

/** @returns the number of the run's latest attempt, 0 where it has none. */
export async function latestAttempt(work: ObjectStore, runId: string): Promise<number> {
  const prefix = attemptPrefix(runId);
  let latest = 0;
  for await (const { key } of work.list(prefix)) {
    const number = /^(\d+)\.json$/.exec(key.slice(prefix.length))?.[1];
    if (number) latest = Math.max(latest, Number(number));
  }
  return latest;
}
