import * as z from 'zod';
import { runStatuses } from './contract.ts';
import { parseJson } from './json-lines.ts';
import { attemptClosedKey, attemptKey, attemptPrefix } from './object-keys.ts';
import type { ObjectStore } from './ports.ts';
import { settingsSchema } from './settings.ts';

/** The claim on one attempt of a run, written once and never changed. */
const attemptSchema = z.object({
  attempt: z.int().min(1),
  /** ARN of the execution, or `process:<pid>@<start time>`. */
  owner: z.string(),
  acceptedAt: z.iso.datetime(),
  /** All settings as this attempt resolved them: those outside the run's identity may differ from other attempts'. */
  settings: settingsSchema,
});
export type Attempt = z.infer<typeof attemptSchema>;

const closedSchema = z.object({ status: z.enum([...runStatuses, 'aborted']), closedAt: z.iso.datetime() });
export type ClosedAttempt = z.infer<typeof closedSchema>;

/** Claims an attempt; the claim of whoever was first stands. @returns the claim that stands, and whether it is this one. */
export async function claimAttempt(work: ObjectStore, runId: string, attempt: Attempt): Promise<{ claim: Attempt; isOurs: boolean }> {
  const key = attemptKey(runId, attempt.attempt);
  if (await work.putIfAbsent(key, JSON.stringify(attempt))) return { claim: attempt, isOurs: true };
  const claim = await readAttempt(work, runId, attempt.attempt);
  if (!claim) throw new Error(`The claim on attempt ${attempt.attempt} of ${runId} vanished`);
  return { claim, isOurs: claim.owner === attempt.owner };
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
