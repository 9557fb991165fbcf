import { addClaimCounts, noClaimCounts } from '../shared/claim.ts';
import { type Batch, batchSchema, type Rejection, type Run, type StagedRow } from '../shared/contract.ts';
import { InvalidBatchError } from '../shared/errors.ts';
import { jsonLines } from '../shared/json-lines.ts';
import { partKey, partManifestKey, rejectedKey, skippedKey } from '../shared/object-keys.ts';
import { addPayments, noPayments } from '../shared/outcome.ts';
import type { ObjectStore } from '../shared/ports.ts';
import type { Receipt } from '../shared/receipt.ts';
import { tables } from '../shared/tables.ts';
import type { BatchFate } from './batch-fate.ts';
import { consecutiveRows, PartLedger, scatteredRows } from './ledger.ts';
import { ParquetFile } from './parquet-file.ts';
import { inRowOrder, oneAfterTheOther } from './part-rows.ts';
import { storeTables } from './part-tables.ts';
import { readFates } from './read-fates.ts';
import { PartExcerpt } from './report-excerpt.ts';
import { requirePlan } from './require-plan.ts';
import { batchSummaryRow, failureOf, rejectedRow, rowSummaryRow, skippedRow } from './table-rows.ts';
import { addThemeMentions } from './themes-file.ts';

/** Writes the rows, rejections and batches of one staged part. @returns what they add to the run, counted from what was written. */
export async function writePart(run: Run, part: string, stopReason: string | null, work: ObjectStore): Promise<Receipt> {
  const plan = await requirePlan(run, work);
  const isGrouped = plan.counts.groups !== null;
  const number = Number(part);
  const batches: Batch[] = [];
  for await (const line of jsonLines(work.stream(partManifestKey(run.runId, number)))) batches.push(batchSchema.parse(line));
  const firstBatchId = batches[0]?.batchId ?? 0;
  const isOfPart = ({ batchId, level, partKey: key }: Batch, index: number) =>
    batchId === firstBatchId + index && level === 0 && key === partKey(run.runId, number);
  if (!batches.every(isOfPart)) throw notThose(part);
  const fates = await readFates(batches, run, stopReason, work);

  const files = {
    batch_summaries: new ParquetFile(tables.batch_summaries),
    row_summaries: new ParquetFile(tables.row_summaries),
    rejected_rows: new ParquetFile(tables.rejected_rows),
    ...(run.settings.insights && { theme_mentions: new ParquetFile(tables.theme_mentions) }),
  };
  const excerpt = new PartExcerpt(run, part, plan);
  excerpt.watch(files);
  if (files.theme_mentions) await addThemeMentions(files.theme_mentions, run, fates, plan, work);
  const paid = noPayments();
  for (const fate of fates) {
    files.batch_summaries.add(batchSummaryRow(run, fate));
    addPayments(paid, fate.payments);
  }

  const ledger = new PartLedger(isGrouped ? scatteredRows(part) : consecutiveRows(part));
  const fateOfRow = inBatchOrder(fates, part);
  const rows = jsonLines<StagedRow>(work.stream(partKey(run.runId, number)));
  const rejections = jsonLines<Rejection>(work.stream(rejectedKey(run.runId, number)));
  // The rejections of a grouped part are those of another stretch of the upload than its rows.
  for await (const { row, rejection } of isGrouped ? oneAfterTheOther(rows, rejections) : inRowOrder(rows, rejections)) {
    ledger.add(row ? row.rowNumber : rejection.rowNumber);
    if (rejection) {
      ledger.countRejected();
      files.rejected_rows.add(rejectedRow(run, rejection));
      continue;
    }
    const fate = fateOfRow(row);
    ledger.count(failureOf(row, fate));
    files.row_summaries.add(rowSummaryRow(run, row, fate));
  }
  fateOfRow(null);
  if (isGrouped) {
    for await (const row of jsonLines<StagedRow>(work.stream(skippedKey(run.runId, number)))) {
      ledger.add(row.rowNumber);
      ledger.countSkipped();
      files.row_summaries.add(skippedRow(run, row));
    }
  }
  await excerpt.store(work);

  return {
    part,
    ...ledger.totals(),
    firstBatchId,
    batches: fates.length,
    batchesFailed: fates.filter(({ status }) => status === 'failed').length,
    ...(run.settings.insights && { claimCounts: fates.reduce((sum, { claimCounts }) => addClaimCounts(sum, claimCounts), noClaimCounts) }),
    ...paid,
    tables: await storeTables(files, run.runId, part, work),
  };
}

const notThose = (part: string) =>
  new InvalidBatchError(`The rows of part ${part} are not those of its manifest`, { code: 'staged_rows_differ' });

/** Gives each row, in order, the fate of its batch; called with null at the end, it checks that no batch lacks rows. */
function inBatchOrder(fates: readonly BatchFate[], part: string) {
  let index = 0;
  let rowsLeft = fates[0]?.batch.rows ?? 0;
  return (row: StagedRow | null): BatchFate => {
    if (rowsLeft === 0 && row) rowsLeft = fates[++index]?.batch.rows ?? 0;
    const fate = fates[index];
    if (row === null ? rowsLeft > 0 || index + 1 < fates.length : rowsLeft === 0) throw notThose(part);
    if (row && fate && rowsLeft === fate.batch.rows && row.rowNumber !== fate.batch.firstRow) throw notThose(part);
    if (row && row.groupKey !== fate?.batch.groupKey) throw notThose(part);
    rowsLeft--;
    return fate as BatchFate;
  };
}
