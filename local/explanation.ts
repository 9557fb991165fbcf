import { dirname } from 'node:path';
import { type ColumnReason, reasonOfId, reasonOfText } from '../functions/plan-batches/columns.ts';
import { openPinned } from '../functions/plan-batches/open-pinned.ts';
import { planBatches } from '../functions/plan-batches/plan-batches.ts';
import type { Upload } from '../functions/plan-batches/upload.ts';
import { rowsPerCall } from '../functions/shared/answer-budget.ts';
import { claimAttempt } from '../functions/shared/attempt.ts';
import type { Rejection, Run, StagedRow } from '../functions/shared/contract.ts';
import { readGroups } from '../functions/shared/group-line.ts';
import { type Plan, readPlan } from '../functions/shared/plan.ts';
import type { ObjectStore } from '../functions/shared/ports.ts';
import { changedSettings, type Settings } from '../functions/shared/settings.ts';
import { type RunEstimate, runEstimate } from '../functions/summarize-batch/run-estimate.ts';
import { directoryStore } from './directory-store.ts';
import type { LocalUpload } from './local-upload.ts';
import { previewStore } from './preview-store.ts';
import { runInPlace } from './run-in-place.ts';
import { inScratchFolder } from './scratch-folder.ts';

const SHOWN_ROWS = 3;
/** Rejected rows of each reason whose place is shown. */
const SHOWN_PLACES = 3;

type FirstRow = Pick<StagedRow, 'rowNumber' | 'id' | 'text' | 'attributes'>;

/** Where a rejected row stands. `part`, below the folder, only in a folder. */
export type Place = Pick<Rejection, 'line' | 'part'>;

/** What a run would read and ask, as `explain --json` prints it; names that the table `runs` has, too, mean the same here. */
export interface Explanation {
  source_key: string;
  dataset: string;
  bytes: number;
  /** Part files of a folder, null of a file. */
  parts: number | null;
  format: Upload['format'];
  compression: Upload['compression'];
  encoding: Upload['encoding'];
  delimiter: Upload['delimiter'];
  columns: readonly string[];
  text_column: string;
  text_column_by: ColumnReason;
  id_column: string | null;
  id_column_by: ColumnReason | null;
  first_rows: { row_number: number; id: string; text: string; attributes: string[] }[];
  limit: number | null;
  rows_in: number;
  rows_staged: number;
  rows_rejected: number;
  rows_skipped: number;
  rows_truncated: number;
  rejections: { reason: string; rows: number; first: Place[] }[];
  /** The groups that would be summarized, and the rows of the smallest, the middle and the largest; null where rows are not grouped. */
  groups: { columns: readonly string[]; count: number; smallest: number; median: number; largest: number; skipped: number } | null;
  batches: number;
  batch_rows: number;
  /** One for each batch, one for its paragraph where its rows have summaries of their own, and one for each fold of the levels above. */
  calls: number;
  paragraph_calls: number;
  fold_calls: number;
  /** To name the themes that folds bring together, at most. */
  name_calls: number;
  /** Upper estimates, as is the cost. */
  input_tokens: number;
  output_tokens: number;
  model: string;
  estimated_cost_usd: number | null;
  max_cost_usd: number | null;
  notes: readonly string[];
  /** Settings that differ from their defaults. */
  settings: Partial<Settings>;
}

/**
 * What a run of the upload would do, found out by planning it. No call is made, and nothing is left behind.
 * @throws InvalidUploadError: it cannot be a source of rows.
 */
export const explainUpload = (upload: LocalUpload): Promise<Explanation> =>
  inScratchFolder('explain', (folder) => explainIn(directoryStore(folder, 'work'), directoryStore(dirname(upload.path), 'input'), upload));

async function explainIn(store: ObjectStore, input: ObjectStore, upload: LocalUpload): Promise<Explanation> {
  const run = await runInPlace(upload, input, store);
  const rows: FirstRow[] = [];
  const rejections = new Map<string, { rows: number; first: Place[] }>();
  const work = previewStore(store, run.runId, {
    shownRows: SHOWN_ROWS,
    row: (row) => rows.push(row),
    rejection: ({ reason, part, line }) => {
      const tally = rejections.get(reason) ?? { rows: 0, first: [] };
      rejections.set(reason, tally);
      tally.rows++;
      if (tally.first.length < SHOWN_PLACES) tally.first.push({ ...(part !== undefined && { part }), line });
    },
  });
  const read = await openPinned(run, input, work);
  const plan = await planOf(run, input, work);
  // The first that a grouped part has are not the first of the upload.
  const shown = read.groupColumns === null ? rows : await firstRows(read);
  const { counts, settings } = plan;
  const estimate: RunEstimate = runEstimate({ ...counts, folds: plan.folds }, settings);
  return {
    source_key: upload.key,
    dataset: run.dataset,
    bytes: run.source.bytes,
    parts: run.source.parts ?? null,
    format: read.format,
    compression: read.compression,
    encoding: read.encoding,
    delimiter: read.delimiter,
    columns: read.columns,
    text_column: read.textColumn,
    text_column_by: reasonOfText(read.textColumn, settings),
    id_column: read.idColumn,
    id_column_by: reasonOfId(read.idColumn, settings),
    first_rows: shown.map(({ rowNumber, id, text, attributes }) => ({
      row_number: rowNumber,
      id,
      text,
      attributes: Object.keys(JSON.parse(attributes) as object),
    })),
    limit: run.limit,
    rows_in: counts.rowsIn,
    rows_staged: counts.rowsStaged,
    rows_rejected: counts.rowsRejected,
    rows_skipped: counts.rowsSkipped,
    rows_truncated: counts.rowsTruncated,
    rejections: [...rejections].map(([reason, tally]) => ({ reason, ...tally })).toSorted((one, other) => other.rows - one.rows),
    groups: read.groupColumns && { columns: read.groupColumns, ...(await groupSizes(run, store)), skipped: counts.groupsSkipped },
    batches: counts.batches,
    batch_rows: rowsPerCall(settings),
    calls: estimate.calls,
    paragraph_calls: estimate.paragraphs,
    fold_calls: estimate.folds,
    name_calls: estimate.names,
    input_tokens: counts.inputTokens,
    output_tokens: estimate.outputTokens,
    model: settings.model,
    estimated_cost_usd: plan.estimatedCostUsd,
    max_cost_usd: settings.maxCostUsd,
    notes: plan.notes,
    settings: changedSettings(settings),
  };
}

/** How many groups there are, and the rows of the smallest, the middle and the largest. */
async function groupSizes(run: Run, work: ObjectStore) {
  const sizes: number[] = [];
  for await (const { rows } of readGroups(run, work)) sizes.push(rows);
  const ascending = Float64Array.from(sizes).sort();
  const at = (place: number) => ascending[Math.floor(place)] ?? 0;
  return { count: sizes.length, smallest: at(0), median: at((sizes.length - 1) / 2), largest: at(sizes.length - 1) };
}

/** The first rows of an upload that can be summarized, in their order. */
async function firstRows({ rows, start }: Upload): Promise<FirstRow[]> {
  const first: FirstRow[] = [];
  for await (const group of rows(start)) {
    for (const row of group) if (row.reason === null && first.push(row) === SHOWN_ROWS) return first;
  }
  return first;
}

async function planOf(run: Run, input: ObjectStore, work: ObjectStore): Promise<Plan> {
  const acceptedAt = new Date().toISOString();
  await claimAttempt(work, run.runId, { attempt: run.attempt, owner: 'explain', acceptedAt, settings: run.settings });
  const ports = {
    ...{ input, work, resultsBucket: 'results', concurrency: 1, isTimeShort: () => false },
    control: { stopReason: async () => undefined },
    events: { publish: async () => {} },
  };
  // The manifest of a large file is joined in a call of its own.
  for (let continueWithPart: number | null = null, isPlanned = false; !isPlanned; ) {
    const planned = await planBatches({ run, level: 0, continueWithPart }, ports);
    continueWithPart = planned.continueWithPart;
    isPlanned = planned.next !== 'plan';
  }
  return (await readPlan(work, run.runId)) as Plan;
}
