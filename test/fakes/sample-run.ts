import { type GroupingLimits, groupingLimits } from '../../functions/plan-batches/grouping-limits.ts';
import { joinManifest } from '../../functions/plan-batches/join-manifest.ts';
import { planLevels } from '../../functions/plan-batches/plan-levels.ts';
import { stageGroups } from '../../functions/plan-batches/stage-groups.ts';
import { stageRows } from '../../functions/plan-batches/stage-rows.ts';
import type { Position, Upload, UploadRow } from '../../functions/plan-batches/upload.ts';
import { claimAttempt } from '../../functions/shared/attempt.ts';
import type { Batch, RejectionReason, Run } from '../../functions/shared/contract.ts';
import { attemptKey, manifestKey, planKey } from '../../functions/shared/object-keys.ts';
import type { Plan } from '../../functions/shared/plan.ts';
import { defaultSettings, type Settings } from '../../functions/shared/settings.ts';
import type { MemoryStore } from './memory-store.ts';

export const ACCEPTED_AT = '2026-11-23T23:59:58.000Z';
export const RUN_ID = 'july-0123456789abcdef';

/** A run without roll-up, unless it is asked for. */
export const sampleRun = ({ settings = {}, ...changes }: Partial<Omit<Run, 'settings'>> & { settings?: Partial<Settings> } = {}): Run => ({
  runId: RUN_ID,
  attempt: 1,
  dataset: 'support',
  source: { bucket: 'input', key: 'support/july.csv', versionId: 'v1', bytes: 1_000 },
  limit: null,
  endpoint: 'https://api.openai.com/v1',
  settings: { ...defaultSettings, rollUp: false, ...settings },
  ...changes,
});

/** A record of an upload: a text, in a grouped upload with its group; or the reason for which it has none. */
export type SampleRecord = string | { reason: RejectionReason } | { text: string; groupKey: string };

/** An upload of records; record n starts at byte 10 n, on line n + 2. */
export function sampleUpload(records: readonly SampleRecord[], { groupRows = 7 } = {}): Upload {
  const positionOf = (rowNumber: number): Position => ({ byte: rowNumber * 10, line: rowNumber + 2, rowNumber });
  const rowOf = (rowNumber: number): UploadRow => {
    const record = records[rowNumber] as SampleRecord;
    const place = { rowNumber, line: rowNumber + 2, next: positionOf(rowNumber + 1) };
    if (typeof record !== 'string' && 'reason' in record) return { ...place, reason: record.reason, raw: `raw ${rowNumber}` };
    const { text, groupKey } = typeof record === 'string' ? { text: record, groupKey: null } : record;
    return { ...place, reason: null, id: `id-${rowNumber}`, text, truncated: false, groupKey, attributes: `{"stars":${rowNumber % 5}.0}` };
  };
  return {
    format: 'csv',
    compression: null,
    encoding: 'utf-8',
    delimiter: ',',
    textColumn: 'review',
    idColumn: 'id',
    groupColumns: records.some((record) => typeof record !== 'string' && 'groupKey' in record) ? ['product'] : null,
    columns: ['id', 'review', 'stars'],
    isHeaderless: false,
    notes: [],
    start: positionOf(0),
    async *rows(from) {
      if (from.byte !== from.rowNumber * 10) throw new Error(`There is no record at byte ${from.byte}`);
      for (let at = from.rowNumber; at < records.length; at += groupRows) {
        const length = Math.min(groupRows, records.length - at);
        yield Array.from({ length }, (_, index) => rowOf(at + index));
      }
    },
  };
}

export const manyTexts = (count: number) => Array.from({ length: count }, (_, row) => `text ${row}`);

/** Claims attempt 1, stages the records and freezes a plan. `limits` are those of rows that are grouped. @returns the manifest. */
export async function planSample(
  work: MemoryStore,
  run: Run,
  records: readonly SampleRecord[],
  limits: GroupingLimits = groupingLimits,
): Promise<Batch[]> {
  if (!work.keys(attemptKey(run.runId, 1)).length) {
    await claimAttempt(work, run.runId, { attempt: 1, owner: 'execution', acceptedAt: ACCEPTED_AT, settings: run.settings });
  }
  const upload = sampleUpload(records);
  const isLate = () => false;
  const staged =
    upload.groupColumns === null
      ? await stageRows(upload, run, work, null, isLate)
      : await stageGroups(upload, run, work, null, isLate, limits);
  const { counts } = staged;
  await joinManifest(work, run, counts);
  const { folds } = await planLevels(run, counts, work);
  const { runId, dataset, source, endpoint, limit, settings } = run;
  const plan: Plan = {
    ...{ runId, dataset, source, endpoint, limit, settings, counts, folds },
    ...{ date: ACCEPTED_AT.slice(0, 10), startedAt: ACCEPTED_AT, format: 'csv', textColumn: 'review', idColumn: 'id' },
    notes: ['A note.'],
    estimatedCostUsd: 0.25,
  };
  work.seed(planKey(runId), JSON.stringify(plan));
  return work.jsonLines<Batch>(manifestKey(runId, 0));
}
