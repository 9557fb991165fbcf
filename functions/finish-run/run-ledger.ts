import { addClaimCounts, type ClaimCounts, noClaimCounts } from '../shared/claim.ts';
import { LedgerError } from '../shared/errors.ts';
import type { Plan } from '../shared/plan.ts';
import type { LevelsReceipt, Receipt } from '../shared/receipt.ts';

/**
 * Proves that the receipts, in the order of their parts, hold each planned batch exactly once, and each fold of them.
 * @param levels null where there is no receipt of the levels above 0.
 * @throws LedgerError: batches, rejected rows or folds are missing, doubled, or not those that were planned.
 */
export function closeBatches(
  receipts: readonly Receipt[],
  levels: LevelsReceipt | null,
  plan: Pick<Plan, 'counts' | 'settings' | 'folds'>,
): void {
  const { counts, settings, folds } = plan;
  let batches = 0;
  for (const { part, firstBatchId, batches: some } of receipts) {
    if (some > 0 && firstBatchId !== batches)
      throw new LedgerError(`Part ${part} starts at batch ${firstBatchId}, not at batch ${batches}`, {
        code: 'batches_missing_or_doubled',
      });
    batches += some;
  }
  if (batches !== counts.batches)
    throw new LedgerError(`The receipts have ${batches} batches, ${counts.batches} were planned`, { code: 'batches_missing_or_doubled' });
  const rejected = receipts.reduce((rows, { rowsRejected }) => rows + rowsRejected, 0);
  if (rejected !== counts.rowsRejected)
    throw new LedgerError(`The receipts have ${rejected} rejected rows, planning rejected ${counts.rowsRejected}`, {
      code: 'rows_unaccounted',
    });
  const skipped = receipts.reduce((rows, { rowsSkipped }) => rows + rowsSkipped, 0);
  if (skipped !== counts.rowsSkipped)
    throw new LedgerError(`The receipts have ${skipped} skipped rows, planning skipped ${counts.rowsSkipped}`, {
      code: 'rows_unaccounted',
    });

  const planned = folds.reduce((sum, some) => sum + some, 0);
  if ((settings.rollUp || counts.groups !== null) !== (levels !== null))
    throw new LedgerError(`There is ${levels ? 'a' : 'no'} receipt of the levels above 0`, { code: 'receipt_missing' });
  if (levels && (levels.folds !== planned || levels.levels !== folds.length + 1))
    throw new LedgerError(
      `The receipts have ${levels.folds} folds on ${levels.levels} levels, ${planned} on ${folds.length + 1} were planned`,
      { code: 'folds_missing_or_doubled' },
    );
  const summarizable = receipts.reduce((rows, { rowsSummarized, rowsFailed }) => rows + rowsSummarized + rowsFailed, 0);
  if (levels && ((levels.groups?.count ?? null) !== counts.groups || (levels.groups?.rows ?? summarizable) !== summarizable))
    throw new LedgerError(
      `The receipts have ${levels.groups?.count ?? 'no'} groups of ${levels.groups?.rows ?? 0} rows, ${counts.groups ?? 'none'} of ${summarizable} were planned`,
      { code: 'groups_missing_or_doubled' },
    );
}

export interface RunSums {
  rowsSummarized: number;
  rowsFailed: number;
  rowsRejected: number;
  rowsSkipped: number;
  batches: number;
  batchesFailed: number;
  /** Failed rows by error code. */
  failures: Record<string, number>;
  claimCounts: ClaimCounts;
  /** Batches of the levels above 0 that lack rows which they should stand for. */
  foldsIncomplete: number;
  /** Levels that have batches. */
  levels: number;
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
  claimCounts: noClaimCounts,
  foldsIncomplete: 0,
  levels: 0,
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

type Payments = Pick<Receipt, 'calls' | 'callsByAttempt' | 'inputTokens' | 'outputTokens' | 'costUsd'>;

const addPaid = (sums: RunSums, paid: Payments, attempt: number): RunSums => ({
  ...sums,
  calls: sums.calls + paid.calls,
  callsThisAttempt: sums.callsThisAttempt + (paid.callsByAttempt[attempt] ?? 0),
  inputTokens: sums.inputTokens + paid.inputTokens,
  outputTokens: sums.outputTokens + paid.outputTokens,
  costUsd: sums.costUsd === null || paid.costUsd === null ? null : sums.costUsd + paid.costUsd,
});

/** @param levels null where the run is not rolled up. */
export function sumsOf(receipts: readonly Receipt[], levels: LevelsReceipt | null, attempt: number): RunSums {
  const sums = receipts.reduce(
    (sum, receipt) => ({
      ...addPaid(sum, receipt, attempt),
      rowsSummarized: sum.rowsSummarized + receipt.rowsSummarized,
      rowsFailed: sum.rowsFailed + receipt.rowsFailed,
      rowsRejected: sum.rowsRejected + receipt.rowsRejected,
      rowsSkipped: sum.rowsSkipped + receipt.rowsSkipped,
      batches: sum.batches + receipt.batches,
      batchesFailed: sum.batchesFailed + receipt.batchesFailed,
      failures: addCounts(sum.failures, receipt.failures),
      claimCounts: addClaimCounts(sum.claimCounts, receipt.claimCounts ?? noClaimCounts),
    }),
    noSums,
  );
  if (!levels) return { ...sums, levels: sums.batches > 0 ? 1 : 0 };
  return { ...addPaid(sums, levels, attempt), foldsIncomplete: levels.foldsIncomplete, levels: levels.levels };
}
