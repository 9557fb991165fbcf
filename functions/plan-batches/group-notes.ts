import { InvalidUploadError } from '../shared/errors.ts';
import { MAX_GROUP_KEY_CHARACTERS } from '../shared/limits.ts';
import type { PlanCounts } from '../shared/plan.ts';
import type { Settings } from '../shared/settings.ts';
import type { GroupingState } from './grouping-state.ts';

/** Groups of fewer rows than this, on average, are worth a word: a call each. */
const TINY_GROUP_ROWS = 10;
/** A few tiny groups cost nothing to speak of. */
const MANY_GROUPS = 10;

const counted = (value: number, one: string, many: string) => `${value.toLocaleString('en')} ${value === 1 ? one : many}`;
const quoted = (columns: readonly string[]) => columns.map((column) => `"${column}"`).join(', ');

/** Sentences on the groups of an upload; none where it is not grouped. */
export function groupNotes(columns: readonly string[] | null, counts: PlanCounts, { minGroupRows }: Settings): string[] {
  if (columns === null || counts.groups === null) return [];
  const { groups, groupsSkipped, rowsSkipped, rowsStaged, rowsWithoutGroup } = counts;
  const isEmptySkipped = rowsWithoutGroup < minGroupRows;
  const itself = rowsWithoutGroup === 1 ? 'it is a group of its own' : 'they are a group of their own';
  const empty = `${counted(rowsWithoutGroup, 'row has', 'rows have')} no value in ${quoted(columns)}; ${itself}, whose group_key is empty${isEmptySkipped ? ' and which is left out' : ''}.`;
  const skipped = `${counted(groupsSkipped, 'group has', 'groups have')} fewer than ${counted(minGroupRows, 'row', 'rows')} and ${groupsSkipped === 1 ? 'is' : 'are'} left out (minGroupRows): ${counted(rowsSkipped, 'row', 'rows')}, with status skipped in row_summaries.`;
  const tiny = `The ${groups.toLocaleString('en')} groups have ${(rowsStaged / groups).toFixed(1)} rows on average, and each is a call at least; minGroupRows (--min-group-rows) leaves small groups out.`;
  return [
    ...(rowsWithoutGroup > 0 ? [empty] : []),
    ...(groupsSkipped > 0 ? [skipped] : []),
    ...(groups >= MANY_GROUPS && rowsStaged / groups < TINY_GROUP_ROWS ? [tiny] : []),
  ];
}

/** Why no row of a grouped upload can be summarized where it is the grouping that leaves none. */
export function noGroups(
  columns: readonly string[],
  { counts, longKeys, largestSkipped }: GroupingState,
  { minGroupRows }: Settings,
): InvalidUploadError | undefined {
  if (counts.rowsSkipped > 0) {
    return new InvalidUploadError(
      `No group has ${minGroupRows.toLocaleString('en')} rows: of the ${counted(counts.groupsSkipped, 'value', 'values')} of ${quoted(columns)} the most frequent has ${largestSkipped.toLocaleString('en')}; set minGroupRows (--min-group-rows) to that or less.`,
      { code: 'groups_too_small' },
    );
  }
  if (longKeys > 0) {
    return new InvalidUploadError(
      `None of the ${counts.rowsIn.toLocaleString('en')} rows can be summarized: ${longKeys.toLocaleString('en')} of them have more than ${MAX_GROUP_KEY_CHARACTERS} characters in ${quoted(columns)}; name another column with groupColumn (--group-column).`,
      { code: 'group_key_too_long' },
    );
  }
  return undefined;
}
