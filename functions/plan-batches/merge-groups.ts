import type { Run } from '../shared/contract.ts';
import { InvalidUploadError } from '../shared/errors.ts';
import type { PlanCounts } from '../shared/plan.ts';
import type { ObjectStore } from '../shared/ports.ts';
import type { GroupingLimits } from './grouping-limits.ts';
import { type GroupingState, keepState } from './grouping-state.ts';
import { inKeyOrder } from './sorted-run.ts';
import { SortedRunReader } from './sorted-run-reader.ts';
import { type PartCounts, StagedPart } from './staged-part.ts';

/** The counts before the first part is made: what is known of the upload, and no rows of any part. */
const countsBeforeMerge = (counts: PlanCounts): PlanCounts => ({ ...counts, rowsStaged: 0, groups: 0 });

const addPart = (before: PlanCounts, part: PartCounts): PlanCounts => ({
  ...before,
  parts: before.parts + 1,
  rowsStaged: before.rowsStaged + part.rowsStaged,
  rowsSkipped: before.rowsSkipped + part.rowsSkipped,
  batches: before.batches + part.batches,
  inputTokens: before.inputTokens + part.inputTokens,
});

type Group = NonNullable<GroupingState['group']>;

/**
 * Makes parts of the sorted runs, group by group in the order of their keys: the rows of a group are those that each run has of it, one run after
 * the other, since a run is a stretch of the upload. Rows of groups below `minGroupRows` are set apart. Holds a window of each run. Stops after
 * the part during which `isTimeShort` turned true, unless it was the last.
 * @throws InvalidUploadError: there are more groups than can be summarized.
 */
export async function mergeGroups(
  run: Run,
  work: ObjectStore,
  from: GroupingState,
  isTimeShort: () => boolean,
  limits: GroupingLimits,
): Promise<GroupingState> {
  const { runId, settings } = run;
  const { sortedRuns } = from;
  let state = from;
  let { counts, group, largestSkipped } = state;
  if (counts.groups === null) counts = countsBeforeMerge(counts);
  const windowBytes = limits.windowBytes / Math.max(1, sortedRuns.length);
  const readers = sortedRuns.map((bytes, index) => {
    const at = from.positions[index] ?? { byte: 0, rowsLeft: 0 };
    return new SortedRunReader(work, runId, index, bytes, windowBytes, at);
  });
  for (const reader of readers) {
    if (reader.rowsLeft > 0) reader.groupKey = group?.groupKey ?? null;
    else await reader.nextGroup();
  }

  const newPart = () =>
    new StagedPart(work, runId, counts.parts, counts.batches, settings, {
      isGrouped: true,
      limits,
      hasRejections: counts.parts < sortedRuns.length,
    });
  let part = newPart();
  if (group) part.startGroup(group.groupKey);
  /** Batches of the open group that are in earlier parts. */
  let batchesBefore = group?.batches ?? 0;
  let batchesAtStart = 0;

  const finishPart = async (isLast: boolean) => {
    if (group) group = { ...group, batches: batchesBefore + part.batches - batchesAtStart };
    await part.close();
    counts = addPart(counts, part.counts);
    const positions = readers.map((reader) => reader.positionIn(group?.groupKey ?? null));
    state = { ...state, steps: state.steps + 1, counts, group, largestSkipped, positions, isLast };
    await keepState(work, runId, state);
    batchesBefore = group?.batches ?? 0;
    batchesAtStart = 0;
  };

  const openGroup = (groupKey: string): Group => {
    const rows = readers.reduce((sum, reader) => sum + (reader.groupKey === groupKey ? reader.rowsLeft : 0), 0);
    const isSkipped = rows < settings.minGroupRows;
    if (isSkipped) {
      largestSkipped = Math.max(largestSkipped, rows);
      counts = { ...counts, groupsSkipped: counts.groupsSkipped + 1 };
    } else {
      counts = { ...counts, groups: (counts.groups ?? 0) + 1 };
      if ((counts.groups ?? 0) > limits.maxGroups) throw tooManyGroups(settings.groupColumn, limits);
    }
    batchesBefore = 0;
    batchesAtStart = part.batches;
    part.startGroup(groupKey);
    return { groupKey, rows, batches: 0, isSkipped };
  };

  try {
    for (;;) {
      const groupKey: string | null = group ? group.groupKey : smallestKey(readers);
      if (groupKey === null) break;
      group ??= openGroup(groupKey);
      for (const reader of readers) {
        if (reader.groupKey !== groupKey) continue;
        while (reader.rowsLeft > 0) {
          if (!reader.isReady) await reader.makeReady();
          const { line, tokens, rowNumber } = reader.peek();
          if (part.isFullFor(tokens)) {
            await finishPart(false);
            if (isTimeShort()) return state;
            part = newPart();
            part.startGroup(groupKey);
          }
          if (group.isSkipped) part.addSkipped(line);
          else part.addRowLine(line, rowNumber, tokens);
          reader.skip();
          if (part.isHeavy) await part.flush();
        }
        await reader.nextGroup();
      }
      if (!group.isSkipped) {
        const batches = batchesBefore + part.batches - batchesAtStart;
        part.addGroup({ groupKey, rows: group.rows, batches });
        counts = { ...counts, largestGroupBatches: Math.max(counts.largestGroupBatches, batches) };
      }
      group = null;
    }
    await finishPart(true);
    // Each sorted run's rejections are those of the part of its number.
    while (counts.parts < sortedRuns.length) {
      part = newPart();
      await finishPart(true);
    }
    return state;
  } catch (error) {
    await part.abort();
    throw error;
  }
}

function smallestKey(readers: readonly SortedRunReader[]): string | null {
  let smallest: string | null = null;
  for (const { groupKey } of readers)
    if (groupKey !== null && (smallest === null || inKeyOrder(groupKey, smallest) < 0)) smallest = groupKey;
  return smallest;
}

const tooManyGroups = (groupColumn: string | null, { maxGroups }: GroupingLimits) =>
  new InvalidUploadError(
    `"${groupColumn}" makes more than ${maxGroups.toLocaleString('en')} groups, each of which is a call at least; name a column with fewer values with groupColumn (--group-column), or leave small groups out with minGroupRows (--min-group-rows).`,
    { code: 'too_many_groups' },
  );
