import type { Run } from '../shared/contract.ts';
import type { ObjectNotFound } from '../shared/errors.ts';
import { jsonLines } from '../shared/json-lines.ts';
import { partSumsKey } from '../shared/object-keys.ts';
import type { Plan } from '../shared/plan.ts';
import type { ObjectStore } from '../shared/ports.ts';
import { streamsAhead } from '../shared/read-ahead.ts';
import { fatesOfPart } from './part-fates.ts';
import { type GroupSum, groupSumSchema, type PartSum, PartSums, partSumSchema } from './part-sums.ts';
import { claimRoots } from './themes-file.ts';

/** Name of the error with which every store says that there is no such object. */
const OBJECT_NOT_FOUND: ObjectNotFound['name'] = 'ObjectNotFound';

const PARTS_IN_FLIGHT = 8;

/**
 * What the batches of each part come to, part by part: as who wrote the part's tables in this attempt has left it, or, where it is not written yet,
 * from the outcomes of its batches, which say the same. So the parts and the levels may be written in any order, and side by side.
 */
export async function* readSums(
  run: Run,
  plan: Plan,
  stopReason: string | null,
  work: ObjectStore,
): AsyncGenerator<{ part: PartSum; groups: AsyncIterable<GroupSum> | Iterable<GroupSum> }> {
  const keys = Array.from({ length: plan.counts.parts }, (_, part) => partSumsKey(run.runId, run.attempt, part));
  const stream = (key: string) => orNothing(work.stream(key));
  let number = 0;
  for await (const chunks of streamsAhead({ stream }, keys, PARTS_IN_FLIGHT)) {
    const part = number++;
    // What was not there when it was looked for ahead may be there by now.
    const found = (await storedSums(chunks)) ?? (await storedSums(stream(keys[part] as string)));
    if (found) yield found;
    else {
      const [sum, ...groups] = await sumPart(run, part, plan, stopReason, work);
      yield { part: sum, groups };
    }
  }
}

async function storedSums(chunks: AsyncIterable<Uint8Array>): Promise<{ part: PartSum; groups: AsyncIterable<GroupSum> } | undefined> {
  const lines = jsonLines(chunks)[Symbol.asyncIterator]();
  const first = await lines.next();
  return first.done ? undefined : { part: partSumSchema.parse(first.value), groups: groupsIn(lines) };
}

async function* groupsIn(lines: AsyncIterator<unknown>): AsyncGenerator<GroupSum> {
  for (let line = await lines.next(); !line.done; line = await lines.next()) yield groupSumSchema.parse(line.value);
}

/** Nothing where there is no such object: the sums of a part have one line at least. */
async function* orNothing(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    if (!(error instanceof Error && error.name === OBJECT_NOT_FOUND)) throw error;
  }
}

async function sumPart(
  run: Run,
  part: number,
  plan: Plan,
  stopReason: string | null,
  work: ObjectStore,
): Promise<[PartSum, ...GroupSum[]]> {
  const sums = new PartSums(plan);
  const rootsOf = claimRoots(run, plan, work);
  for (const fate of await fatesOfPart(run, part, stopReason, work)) sums.add(fate, await rootsOf(fate));
  return sums.all();
}
