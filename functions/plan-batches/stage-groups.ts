import type { Run } from '../shared/contract.ts';
import { InvalidUploadError } from '../shared/errors.ts';
import type { ObjectStore } from '../shared/ports.ts';
import { type GroupingLimits, groupingLimits } from './grouping-limits.ts';
import { type GroupingState, stateAfterStep } from './grouping-state.ts';
import { mergeGroups } from './merge-groups.ts';
import { sortRows } from './sort-rows.ts';
import { noCounts } from './stage-rows.ts';
import type { Position, Upload } from './upload.ts';

const start = (position: Position): GroupingState => ({
  ...{ steps: 0, counts: noCounts, sortedRuns: [], next: position, longKeys: 0, duplicateIds: 0, isLeastDuplicateIds: false },
  ...{ largestSkipped: 0, group: null, positions: [], isLast: false },
});

/**
 * Stages the rows of an upload group by group, in two passes over all of them: sorted stretch by stretch, then merged. Memory is bounded
 * whatever the number of groups and the size of one. The same upload gives the same objects, however often it is interrupted.
 * @param continueWithStep step with which an earlier invocation left off, null at the start.
 * @returns the sums so far; `isLast` where all rows are staged, else `steps` is the step to go on with. Going on behind the last step stages nothing.
 * @throws InvalidUploadError: there are more rows or groups than can be handled, or no room for them.
 */
export async function stageGroups(
  upload: Upload,
  run: Run,
  work: ObjectStore,
  continueWithStep: number | null,
  isTimeShort: () => boolean,
  limits: GroupingLimits = groupingLimits,
): Promise<GroupingState> {
  try {
    let state = continueWithStep ? await stateAfterStep(work, run.runId, continueWithStep - 1) : start(upload.start);
    if (state.isLast) return state;
    if (state.next !== null) {
      state = await sortRows(upload, run, work, state, isTimeShort, limits);
      if (state.next !== null) return state;
      if (isTimeShort()) return state;
    }
    return await mergeGroups(run, work, state, isTimeShort, limits);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
    throw new InvalidUploadError(
      'The disk is full: rows that are grouped are written twice, once sorted and once in their batches; make room for twice the size of the upload, unpacked, and run it again.',
      { code: 'disk_full', cause: error },
    );
  }
}
