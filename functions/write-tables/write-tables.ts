import pLimit from 'p-limit';
import {
  type Batch,
  batchSchema,
  type Rejection,
  type Run,
  type StagedRow,
  type WriteTablesInput,
  type WriteTablesOutput,
} from '../shared/contract.ts';
import { InvalidBatchError } from '../shared/errors.ts';
import { jsonLines } from '../shared/json-lines.ts';
import { partKey, partManifestKey, receiptKey, rejectedKey, stagedTableKey } from '../shared/object-keys.ts';
import { addPayments, noPayments, readOutcome } from '../shared/outcome.ts';
import type { ObjectStore } from '../shared/ports.ts';
import type { Receipt } from '../shared/receipt.ts';
import { tables } from '../shared/tables.ts';
import { PartLedger } from './ledger.ts';
import { ParquetFile } from './parquet-file.ts';
import { inRowOrder } from './part-rows.ts';
import { type BatchFate, batchSummaryRow, fateOf, rejectedRow, rowSummaryRow } from './table-rows.ts';

/** Outcomes read at once. */
const READS_IN_FLIGHT = 64;

/**
 * Writes the tables of one part into the work bucket, then the receipt that proves its ledger. The same rows and outcomes give the
 * same bytes.
 * @throws InvalidBatchError: the staged rows are not those that the manifest counts.
 * @throws LedgerError: a row number is missing or doubled.
 */
export async function writeTables(
  { run, part, stopReason }: WriteTablesInput,
  { work }: { work: ObjectStore },
): Promise<WriteTablesOutput> {
  const fates = await readFates(run, Number(part), stopReason, work);
  const files = {
    batch_summaries: new ParquetFile(tables.batch_summaries),
    row_summaries: new ParquetFile(tables.row_summaries),
    rejected_rows: new ParquetFile(tables.rejected_rows),
  };
  for (const fate of fates) files.batch_summaries.add(batchSummaryRow(run, fate));

  const ledger = new PartLedger(part);
  const fateOfRow = inBatchOrder(fates, part);
  const rows = jsonLines<StagedRow>(work.stream(partKey(run.runId, Number(part))));
  const rejections = jsonLines<Rejection>(work.stream(rejectedKey(run.runId, Number(part))));
  for await (const { row, rejection } of inRowOrder(rows, rejections)) {
    ledger.add(row ? row.rowNumber : rejection.rowNumber);
    if (row) files.row_summaries.add(rowSummaryRow(run, row, fateOfRow(row)));
    else files.rejected_rows.add(rejectedRow(run, rejection));
  }
  fateOfRow(null);

  const filled = Object.entries(files).filter(([, file]) => file.rows > 0);
  for (const [table, file] of filled) await work.put(stagedTableKey(run.runId, table, part), file.close());
  const receipt: Receipt = {
    part,
    rows: ledger.range(),
    ...sumsOf(fates),
    rowsRejected: files.rejected_rows.rows,
    rowsSkipped: 0,
    tables: filled.map(([table]) => table),
  };
  await work.put(receiptKey(run.runId, part), JSON.stringify(receipt));
  return { part, receiptKey: receiptKey(run.runId, part) };
}

async function readFates(run: Run, part: number, stopReason: string | null, work: ObjectStore): Promise<BatchFate[]> {
  const batches: Batch[] = [];
  for await (const line of jsonLines(work.stream(partManifestKey(run.runId, part)))) batches.push(batchSchema.parse(line));
  const limit = pLimit(READS_IN_FLIGHT);
  return Promise.all(
    batches.map((batch) => limit(async () => fateOf(batch, await readOutcome(work, run.runId, batch.level, batch.batchId), stopReason))),
  );
}

/** Gives each row, in order, the fate of its batch; called with null at the end, it checks that no batch lacks rows. */
function inBatchOrder(fates: readonly BatchFate[], part: string) {
  let index = 0;
  let rowsLeft = fates[0]?.batch.rows ?? 0;
  const broken = () => new InvalidBatchError(`The rows of part ${part} are not those of its manifest`, { code: 'staged_rows_differ' });
  return (row: StagedRow | null): BatchFate => {
    if (rowsLeft === 0 && row) rowsLeft = fates[++index]?.batch.rows ?? 0;
    const fate = fates[index];
    if (row === null ? rowsLeft > 0 || index + 1 < fates.length : rowsLeft === 0) throw broken();
    if (row && fate && rowsLeft === fate.batch.rows && row.rowNumber !== fate.batch.firstRow) throw broken();
    rowsLeft--;
    return fate as BatchFate;
  };
}

function sumsOf(fates: readonly BatchFate[]) {
  const sums = {
    ...noPayments(),
    rowsSummarized: 0,
    rowsFailed: 0,
    batches: fates.length,
    batchesFailed: 0,
    failures: {} as Record<string, number>,
  };
  const addFailures = (code: string, rows: number) => {
    sums.failures[code] = (sums.failures[code] ?? 0) + rows;
  };
  for (const { batch, status, outcome, error, failedRows, rowsFailed } of fates) {
    sums.rowsSummarized += batch.rows - rowsFailed;
    sums.rowsFailed += rowsFailed;
    if (status === 'failed') sums.batchesFailed++;
    if (status === 'failed' && error) addFailures(error.code, rowsFailed);
    for (const code of failedRows.values()) addFailures(code, 1);
    addPayments(sums, outcome?.payments ?? []);
  }
  return sums;
}
