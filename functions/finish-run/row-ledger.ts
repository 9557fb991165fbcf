import { LedgerError } from '../shared/errors.ts';
import type { Receipt } from '../shared/receipt.ts';
import { rowsOfSet } from '../shared/row-set.ts';

const missingOrDoubled = (words: string) => new LedgerError(words, { code: 'rows_missing_or_doubled' });

type PartReceipt = Pick<Receipt, 'part' | 'rows' | 'rowsSummarized' | 'rowsFailed' | 'rowsRejected' | 'rowsSkipped'>;

/**
 * Proves that the receipts hold each row number of the upload exactly once: in the order of their parts where each is a stretch of the upload,
 * in any order where rows are grouped.
 * @throws LedgerError: a row number is missing, doubled or beyond the upload; or a part does not account for all of its rows.
 */
export function closeLedger(receipts: readonly PartReceipt[], rowsIn: number, isGrouped: boolean): void {
  for (const { part, rows, rowsSummarized, rowsFailed, rowsRejected, rowsSkipped } of receipts) {
    if ('set' in rows !== isGrouped)
      throw missingOrDoubled(
        `Part ${part} has a ${isGrouped ? 'range' : 'set'} of rows in a run that is ${isGrouped ? '' : 'not '}grouped`,
      );
    const count = 'set' in rows ? rows.count : rows.end - rows.start;
    const accounted = rowsSummarized + rowsFailed + rowsRejected + rowsSkipped;
    if (accounted !== count)
      throw new LedgerError(`Part ${part} has ${count} rows and accounts for ${accounted}`, { code: 'rows_unaccounted' });
  }
  if (isGrouped) closeSets(receipts, rowsIn);
  else closeRanges(receipts, rowsIn);
}

function closeRanges(receipts: readonly PartReceipt[], rowsIn: number): void {
  let end = 0;
  for (const { part, rows } of receipts) {
    if ('set' in rows) continue;
    if (rows.start !== end) throw missingOrDoubled(`Part ${part} starts at row ${rows.start}, not at row ${end}`);
    end = rows.end;
  }
  if (end !== rowsIn) throw missingOrDoubled(`The receipts end at row ${end}, the upload has ${rowsIn} rows`);
}

/** Holds a bit for each row of the upload. */
function closeSets(receipts: readonly PartReceipt[], rowsIn: number): void {
  const seen = new Uint8Array(Math.ceil(rowsIn / 8));
  let rowsSeen = 0;
  for (const { part, rows } of receipts) {
    if (!('set' in rows)) continue;
    let ofPart = 0;
    for (const row of rowsOfSet(rows.set)) {
      if (row >= rowsIn) throw missingOrDoubled(`Part ${part} has row ${row}, the upload has ${rowsIn} rows`);
      const bit = 1 << (row & 7);
      if (((seen[row >>> 3] ?? 0) & bit) !== 0) throw missingOrDoubled(`Row ${row} of part ${part} stands in another part, too`);
      seen[row >>> 3] = (seen[row >>> 3] ?? 0) | bit;
      ofPart++;
    }
    if (ofPart !== rows.count) throw missingOrDoubled(`Part ${part} has ${ofPart} row numbers, not ${rows.count}`);
    rowsSeen += ofPart;
  }
  if (rowsSeen !== rowsIn) throw missingOrDoubled(`The receipts have ${rowsSeen} rows, the upload has ${rowsIn}`);
}
