import type { Run } from './contract.ts';
import type { BatchName } from './fold.ts';
import { jsonLines } from './json-lines.ts';
import { groupsKey } from './object-keys.ts';
import type { Plan } from './plan.ts';
import type { ObjectStore } from './ports.ts';

/** One line of `groups.jsonl`: a group that is summarized, in the order of the batches. */
export interface GroupLine {
  groupKey: string;
  /** Rows of the group that are in its batches. */
  rows: number;
  batches: number;
  /** The batch whose summary stands for the group, null where its batches are not folded. */
  root: BatchName | null;
}

/** The groups of a run that is grouped. Reads them as they are asked for. */
export const readGroups = ({ runId }: Pick<Run, 'runId'>, work: ObjectStore): AsyncIterable<GroupLine> =>
  jsonLines<GroupLine>(work.stream(groupsKey(runId)));

/** Number of batches of each group in their order; without grouping all batches are one group. */
export async function* batchesOfGroups(
  run: Pick<Run, 'runId'>,
  { groups, batches }: Pick<Plan['counts'], 'groups' | 'batches'>,
  work: ObjectStore,
): AsyncGenerator<number> {
  if (groups === null) yield batches;
  else for await (const group of readGroups(run, work)) yield group.batches;
}
