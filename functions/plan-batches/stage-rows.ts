import * as z from 'zod';
import type { Run, StagedRow } from '../shared/contract.ts';
import { parseJson } from '../shared/json-lines.ts';
import { partIdsKey, partStateKey } from '../shared/object-keys.ts';
import { type PlanCounts, planCountsSchema } from '../shared/plan.ts';
import type { ObjectStore } from '../shared/ports.ts';
import { recallIds } from './id-memory.ts';
import { addRedactions, noRedactions, type RedactionCounts } from './redaction.ts';
import { StagedPart, tokensOf } from './staged-part.ts';
import type { Position, Upload, UploadRow } from './upload.ts';

const count = z.int().min(0);

/** Where planning stands after a whole part: enough for another invocation to go on as if there had been no break. */
const planningStateSchema = z.object({
  counts: planCountsSchema,
  next: z.object({ byte: count, line: count, rowNumber: count, file: count.optional() }),
  isLast: z.boolean(),
  /** Staged rows whose id an earlier one has. */
  duplicateIds: count,
  /** Whether there may be more of them than were counted. */
  isLeastDuplicateIds: z.boolean(),
});
export type PlanningState = z.infer<typeof planningStateSchema>;

export const noCounts: PlanCounts = {
  ...{ parts: 0, rowsIn: 0, rowsStaged: 0, rowsRejected: 0, rowsTruncated: 0, batches: 0, inputTokens: 0 },
  ...{ groups: null, groupsSkipped: 0, rowsSkipped: 0, rowsWithoutGroup: 0, largestGroupBatches: 0 },
};

const start = (position: Position): PlanningState => ({
  counts: noCounts,
  next: position,
  isLast: false,
  duplicateIds: 0,
  isLeastDuplicateIds: false,
});

async function stateAfter(work: ObjectStore, runId: string, part: number): Promise<PlanningState> {
  const bytes = await work.get(partStateKey(runId, part));
  if (!bytes) throw new Error(`Planning cannot go on: the state after part ${part} of ${runId} is missing`);
  return planningStateSchema.parse(parseJson(bytes));
}

function addPart(before: PlanCounts, part: StagedPart, next: Position, redacted: RedactionCounts | undefined): PlanCounts {
  const batches = before.batches + part.counts.batches;
  return {
    ...before,
    parts: before.parts + 1,
    rowsIn: next.rowNumber,
    rowsStaged: before.rowsStaged + part.counts.rowsStaged,
    rowsRejected: before.rowsRejected + part.counts.rowsRejected,
    rowsTruncated: before.rowsTruncated + part.counts.rowsTruncated,
    batches,
    largestGroupBatches: batches,
    inputTokens: before.inputTokens + part.counts.inputTokens,
    ...(redacted && { redacted: { ...redacted } }),
  };
}

export const stagedRow = (row: Extract<UploadRow, { reason: null }>): StagedRow => ({
  rowNumber: row.rowNumber,
  id: row.id,
  text: row.text,
  groupKey: row.groupKey,
  truncated: row.truncated,
  attributes: row.attributes,
});

/**
 * Reads the upload once and stages its rows part by part, from the given part on. Memory is bounded by one piece of each file.
 * Stops after the part during which `isTimeShort` turned true, unless it was the last.
 * @returns the sums so far; `isLast` where the upload is staged to its end. Going on behind the last part stages nothing.
 */
export async function stageRows(
  upload: Upload,
  run: Run,
  work: ObjectStore,
  continueWithPart: number | null,
  isTimeShort: () => boolean,
): Promise<PlanningState> {
  let state = continueWithPart ? await stateAfter(work, run.runId, continueWithPart - 1) : start(upload.start);
  if (state.isLast) return state;
  const newPart = () => new StagedPart(work, run.runId, state.counts.parts, state.counts.batches, run.settings);
  const ids = upload.idColumn === null ? null : await recallIds(work, run.runId, state.counts.parts, state.duplicateIds);
  const redacted = run.settings.redact.length > 0 ? { ...noRedactions(), ...state.counts.redacted } : undefined;
  let part = newPart();

  const finishPart = async (next: Position, isLast: boolean) => {
    await part.close();
    // Only a later part asks for them again.
    if (ids && !isLast) await work.put(partIdsKey(run.runId, state.counts.parts), ids.takeFresh());
    state = {
      counts: addPart(state.counts, part, next, redacted),
      next,
      isLast,
      duplicateIds: ids?.duplicates ?? 0,
      isLeastDuplicateIds: state.isLeastDuplicateIds || (ids?.isOverfull ?? false),
    };
    await work.put(partStateKey(run.runId, state.counts.parts - 1), JSON.stringify(state));
  };

  try {
    let position: Position = state.next;
    reading: for await (const rows of upload.rows(position)) {
      for (const row of rows) {
        if (row.rowNumber >= (run.limit ?? Number.POSITIVE_INFINITY)) break reading;
        if (row.reason !== null) {
          part.addRejection({ rowNumber: row.rowNumber, part: row.part, line: row.line, reason: row.reason, raw: row.raw });
        } else {
          const tokens = tokensOf(row.text);
          if (part.isFullFor(tokens)) {
            await finishPart(position, false);
            if (isTimeShort()) return state;
            part = newPart();
          }
          ids?.add(row.id);
          part.addRow(stagedRow(row), tokens);
        }
        if (redacted && row.redacted) addRedactions(redacted, row.redacted);
        if (part.isHeavy) await part.flush();
        position = row.next;
      }
    }
    await finishPart(position, true);
    return state;
  } catch (error) {
    await part.abort();
    throw error;
  }
}
