import { addClaimCounts, noClaimCounts } from '../shared/claim.ts';
import type { Rejection, Run, StagedRow } from '../shared/contract.ts';
import { jsonLines } from '../shared/json-lines.ts';
import { partKey, partSumsKey, rejectedKey, skippedKey } from '../shared/object-keys.ts';
import { addPayments, noPayments } from '../shared/outcome.ts';
import type { ObjectStore } from '../shared/ports.ts';
import type { Receipt } from '../shared/receipt.ts';
import { tables } from '../shared/tables.ts';
import type { BatchFate } from './batch-fate.ts';
import { consecutiveRows, PartLedger, scatteredRows } from './ledger.ts';
import { ParquetFile } from './parquet-file.ts';
import { fatesOfPart, notThose } from './part-fates.ts';
import { inRowOrder, oneAfterTheOther } from './part-rows.ts';
import { needsSums, PartSums } from './part-sums.ts';
import { storeTables } from './part-tables.ts';
import { PartExcerpt } from './report-excerpt.ts';
import { requirePlan } from './require-plan.ts';
import { batchSummaryRow, failureOf, rejectedRow, rowSummaryRow, skippedRow } from './table-rows.ts';
import { themeMentionRows } from './theme-rows.ts';
import { claimRoots } from './themes-file.ts';

/** Writes the rows, rejections and batches of one staged part. @returns what they add to the run, counted from what was written. */
export async function writePart(run: Run, part: string, stopReason: string | null, work: ObjectStore): Promise<Receipt> {
  const plan = await requirePlan(run, work);
  const isGrouped = plan.counts.groups !== null;
  const number = Number(part);
  const fates = await fatesOfPart(run, number, stopReason, work);

  const files = {
    batch_summaries: new ParquetFile(tables.batch_summaries),
    row_summaries: new ParquetFile(tables.row_summaries),
    rejected_rows: new ParquetFile(tables.rejected_rows),
    ...(run.settings.insights && { theme_mentions: new ParquetFile(tables.theme_mentions) }),
  };
  const excerpt = new PartExcerpt(run, part, plan);
  excerpt.watch(files);
  const rootsOf = claimRoots(run, plan, work);
  const sums = needsSums(plan) ? new PartSums(plan) : null;
  const paid = noPayments();
  for (const fate of fates) {
    const roots = files.theme_mentions || sums ? await rootsOf(fate) : null;
    if (roots) for (const row of themeMentionRows(run, fate, roots)) files.theme_mentions?.add(row);
    if (roots) sums?.add(fate, roots);
    files.batch_summaries.add(batchSummaryRow(run, fate));
    addPayments(paid, fate.payments);
  }

  // As soon as they are known: whoever writes the levels need not read the outcomes of this part then.
  if (sums)
    await work.put(
      partSumsKey(run.runId, run.attempt, number),
      sums
        .all()
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
    );

  const ledger = new PartLedger(isGrouped ? scatteredRows(part) : consecutiveRows(part));
  const fateOfRow = inBatchOrder(fates, number);
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
    firstBatchId: fates[0]?.batch.batchId ?? 0,
    batches: fates.length,
    batchesFailed: fates.filter(({ status }) => status === 'failed').length,
    ...(run.settings.insights && { claimCounts: fates.reduce((sum, { claimCounts }) => addClaimCounts(sum, claimCounts), noClaimCounts) }),
    ...paid,
    tables: await storeTables(files, run.runId, part, work),
  };
}

/** Gives each row, in order, the fate of its batch; called with null at the end, it checks that no batch lacks rows. */
function inBatchOrder(fates: readonly BatchFate[], part: number) {
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
