import * as z from 'zod';
import { parseJson } from '../shared/json-lines.ts';
import { groupingStateKey } from '../shared/object-keys.ts';
import { planCountsSchema } from '../shared/plan.ts';
import type { ObjectStore } from '../shared/ports.ts';

const count = z.int().min(0);

/**
 * Where the grouping of the rows stands after a step: enough for another invocation to go on as if there had been no break. The first steps sort
 * a stretch of the upload each, the others make a part each of what was sorted.
 */
export const groupingStateSchema = z.object({
  /** Steps that are done. */
  steps: count,
  counts: planCountsSchema,
  /** Bytes of each sorted run. */
  sortedRuns: z.array(count),
  /** Position of the next record, null once the upload is sorted to its end. */
  next: z.object({ byte: count, line: count, rowNumber: count, file: count.optional() }).nullable(),
  /** Rows whose group has a name that is too long. */
  longKeys: count,
  duplicateIds: count,
  isLeastDuplicateIds: z.boolean(),
  /** Rows of the largest group that is left out. */
  largestSkipped: count,
  /** The group of which some rows are in earlier parts, null between groups. */
  group: z.object({ groupKey: z.string(), rows: count, batches: count, isSkipped: z.boolean() }).nullable(),
  /** Where each sorted run is read on. */
  positions: z.array(z.object({ byte: count, rowsLeft: count })),
  isLast: z.boolean(),
});
export type GroupingState = z.infer<typeof groupingStateSchema>;

export async function stateAfterStep(work: ObjectStore, runId: string, step: number): Promise<GroupingState> {
  const bytes = await work.get(groupingStateKey(runId, step));
  if (!bytes) throw new Error(`Planning cannot go on: the state after step ${step} of ${runId} is missing`);
  return groupingStateSchema.parse(parseJson(bytes));
}

export const keepState = (work: ObjectStore, runId: string, state: GroupingState): Promise<void> =>
  work.put(groupingStateKey(runId, state.steps - 1), JSON.stringify(state));
