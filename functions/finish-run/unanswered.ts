import { unansweredPrefix } from '../shared/object-keys.ts';
import type { ObjectStore } from '../shared/ports.ts';

/** A sentence on the calls of a run that ended without an answer, undefined where there were none: what they cost cannot be known. */
export async function unansweredNote(runId: string, work: ObjectStore): Promise<string | undefined> {
  let calls = 0;
  for await (const _ of work.list(unansweredPrefix(runId))) calls++;
  if (calls === 0) return undefined;
  const counted = calls === 1 ? '1 call ended' : `${calls} calls ended`;
  return `${counted} without an answer and had to be made again; where the endpoint billed them all the same, cost_usd does not say so.`;
}
