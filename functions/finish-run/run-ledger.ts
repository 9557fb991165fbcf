import { LedgerError } from '../shared/errors.ts';
import type { Receipt } from '../shared/receipt.ts';

/**
 * Proves that the receipts, in the order of their parts, hold each row number of the upload exactly once.
 * @throws LedgerError: a row number is missing, doubled or beyond the upload; or a part does not account for all of its rows.
 */
export function closeLedger(receipts: readonly Receipt[], rowsIn: number): void {
  let end = 0;
  for (const { part, rows, rowsSummarized, rowsFailed, rowsRejected, rowsSkipped } of receipts) {
    if (rows.start !== end)
      throw new LedgerError(`Part ${part} starts at row ${rows.start}, not at row ${end}`, { code: 'rows_missing_or_doubled' });
    const accounted = rowsSummarized + rowsFailed + rowsRejected + rowsSkipped;
    if (accounted !== rows.end - rows.start) {
      throw new LedgerError(`Part ${part} has ${rows.end - rows.start} rows and accounts for ${accounted}`, { code: 'rows_unaccounted' });
    }
    end = rows.end;
  }
  if (end !== rowsIn)
    throw new LedgerError(`The receipts end at row ${end}, the upload has ${rowsIn} rows`, { code: 'rows_missing_or_doubled' });
}

export interface RunSums {
  rowsSummarized: number;
  rowsFailed: number;
  rowsRejected: number;
  rowsSkipped: number;
  batches: number;
  batchesFailed: number;
  failures: Record<string, number>;
  calls: number;
  callsThisAttempt: number;
  inputTokens: number;
  outputTokens: number;
  /** null where the price of an answer is unknown. */
  costUsd: number | null;
}

export const noSums: RunSums = {
  rowsSummarized: 0,
  rowsFailed: 0,
  rowsRejected: 0,
  rowsSkipped: 0,
  batches: 0,
  batchesFailed: 0,
  failures: {},
  calls: 0,
  callsThisAttempt: 0,
  inputTokens: 0,
  outputTokens: 0,
  costUsd: 0,
};

function addCounts(one: Record<string, number>, other: Record<string, number>) {
  const sum = { ...one };
  for (const [key, count] of Object.entries(other)) sum[key] = (sum[key] ?? 0) + count;
  return sum;
}

export const sumsOf = (receipts: readonly Receipt[], attempt: number): RunSums =>
  receipts.reduce(
    (sums, receipt) => ({
      rowsSummarized: sums.rowsSummarized + receipt.rowsSummarized,
      rowsFailed: sums.rowsFailed + receipt.rowsFailed,
      rowsRejected: sums.rowsRejected + receipt.rowsRejected,
      rowsSkipped: sums.rowsSkipped + receipt.rowsSkipped,
      batches: sums.batches + receipt.batches,
      batchesFailed: sums.batchesFailed + receipt.batchesFailed,
      failures: addCounts(sums.failures, receipt.failures),
      calls: sums.calls + receipt.calls,
      callsThisAttempt: sums.callsThisAttempt + (receipt.callsByAttempt[attempt] ?? 0),
      inputTokens: sums.inputTokens + receipt.inputTokens,
      outputTokens: sums.outputTokens + receipt.outputTokens,
      costUsd: sums.costUsd === null || receipt.costUsd === null ? null : sums.costUsd + receipt.costUsd,
    }),
    noSums,
  );
