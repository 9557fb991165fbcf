import type { Rejection, Run } from '../shared/contract.ts';
import { InvalidUploadError } from '../shared/errors.ts';
import { partIdsKey, rejectedKey } from '../shared/object-keys.ts';
import type { ObjectStore } from '../shared/ports.ts';
import type { GroupingLimits } from './grouping-limits.ts';
import { type GroupingState, keepState } from './grouping-state.ts';
import { recallIds } from './id-memory.ts';
import { LineWriter } from './line-writer.ts';
import { addRedactions, noRedactions } from './redaction.ts';
import { SortedRun } from './sorted-run.ts';
import { stagedRow } from './stage-rows.ts';
import { tokensOf } from './staged-part.ts';
import type { Position, Upload } from './upload.ts';

/**
 * Reads the upload once, from where the state says, and writes its rows as sorted runs. Holds one run. Stops after the run during which
 * `isTimeShort` turned true, unless it was the last.
 * @throws InvalidUploadError: there are more rows than can be sorted.
 */
export async function sortRows(
  upload: Upload,
  run: Run,
  work: ObjectStore,
  from: GroupingState,
  isTimeShort: () => boolean,
  limits: GroupingLimits,
): Promise<GroupingState> {
  const { runId } = run;
  let state = from;
  let position = state.next as Position;
  const ids = upload.idColumn === null ? null : await recallIds(work, runId, state.sortedRuns.length, state.duplicateIds);
  const sorted = new SortedRun(limits);
  const newRejections = () => new LineWriter(work, rejectedKey(runId, state.sortedRuns.length));
  let rejections = newRejections();
  const redacted = run.settings.redact.length > 0 ? { ...noRedactions(), ...state.counts.redacted } : undefined;
  let counts = { ...state.counts };
  let { longKeys } = state;

  const finishRun = async (isLast: boolean) => {
    await rejections.close();
    const bytes = await sorted.write(work, runId, state.sortedRuns.length);
    if (ids && !isLast) await work.put(partIdsKey(runId, state.sortedRuns.length), ids.takeFresh());
    counts = { ...counts, rowsIn: position.rowNumber, ...(redacted && { redacted: { ...redacted } }) };
    state = {
      ...state,
      steps: state.steps + 1,
      counts: { ...counts },
      sortedRuns: [...state.sortedRuns, bytes],
      next: isLast ? null : position,
      longKeys,
      duplicateIds: ids?.duplicates ?? 0,
      isLeastDuplicateIds: state.isLeastDuplicateIds || (ids?.isOverfull ?? false),
    };
    await keepState(work, runId, state);
  };

  try {
    reading: for await (const rows of upload.rows(position)) {
      for (const row of rows) {
        if (row.rowNumber >= (run.limit ?? Number.POSITIVE_INFINITY)) break reading;
        if (sorted.isFull) {
          await finishRun(false);
          if (state.sortedRuns.length >= limits.maxSortedRuns) throw tooManyRows(limits);
          if (isTimeShort()) return state;
          rejections = newRejections();
        }
        if (row.reason !== null) {
          const { rowNumber, part, line, reason, raw } = row;
          rejections.add(JSON.stringify({ rowNumber, part, line, reason, raw } satisfies Rejection));
          sorted.countRejection();
          counts.rowsRejected++;
          if (reason === 'group_key_too_long') longKeys++;
        } else {
          const staged = stagedRow(row);
          ids?.add(row.id);
          sorted.add({ ...staged, groupKey: staged.groupKey ?? '' }, tokensOf(row.text));
          counts.rowsStaged++;
          if (row.truncated) counts.rowsTruncated++;
          if (staged.groupKey === '') counts.rowsWithoutGroup++;
        }
        if (redacted && row.redacted) addRedactions(redacted, row.redacted);
        if (rejections.isHeavy) await rejections.flush();
        position = row.next;
      }
    }
    await finishRun(true);
    return state;
  } catch (error) {
    await rejections.abort();
    throw error;
  }
}

const tooManyRows = ({ maxSortedRuns, sortedRunBytes, sortedRunRecords }: GroupingLimits) => {
  const bytes = (maxSortedRuns * sortedRunBytes) / 1024 ** 3;
  const rows = (maxSortedRuns * sortedRunRecords) / 1_000_000;
  return new InvalidUploadError(
    `The upload has more rows than can be sorted into groups: ${bytes} GiB of them, or ${rows} million; split it by groups and drop the pieces one by one, or leave groupColumn (--group-column) out.`,
    { code: 'too_many_rows_to_group' },
  );
};
