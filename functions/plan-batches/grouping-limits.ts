import {
  MAX_GROUPS,
  MAX_SORTED_RUNS,
  MERGE_WINDOW_BYTES,
  PART_BYTES,
  PART_ROWS,
  SORTED_RUN_BYTES,
  SORTED_RUN_RECORDS,
} from '../shared/limits.ts';

/** What bounds the grouping of rows. */
export interface GroupingLimits {
  sortedRunBytes: number;
  sortedRunRecords: number;
  maxSortedRuns: number;
  windowBytes: number;
  maxGroups: number;
  partRows: number;
  partBytes: number;
}

export const groupingLimits: GroupingLimits = {
  ...{ sortedRunBytes: SORTED_RUN_BYTES, sortedRunRecords: SORTED_RUN_RECORDS, maxSortedRuns: MAX_SORTED_RUNS },
  ...{ windowBytes: MERGE_WINDOW_BYTES, maxGroups: MAX_GROUPS, partRows: PART_ROWS, partBytes: PART_BYTES },
};
