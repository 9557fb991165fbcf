import { LedgerError } from '../shared/errors.ts';
import type { Receipt } from '../shared/receipt.ts';

/**
 * Row numbers of one part and what became of each, proven from the rows themselves: rows and rejections come in two ascending sequences that
 * together must be one unbroken range.
 */
export class PartLedger {
  private readonly part: string;
  private start: number | undefined;
  private end = 0;
  private readonly counts = { rowsSummarized: 0, rowsFailed: 0, rowsRejected: 0 };
  private readonly failures: Record<string, number> = {};

  constructor(part: string) {
    this.part = part;
  }

  /** @throws LedgerError: the number is not the one after the last. */
  add(rowNumber: number): void {
    if (this.start === undefined) this.start = rowNumber;
    else if (rowNumber !== this.end) {
      throw new LedgerError(`Part ${this.part}: row ${this.end} is followed by row ${rowNumber}`, { code: 'row_numbers_broken' });
    }
    this.end = rowNumber + 1;
  }

  /** @param failure code of a row that is in no summary, null where it is in one. */
  count(failure: string | null): void {
    if (failure === null) this.counts.rowsSummarized++;
    else {
      this.counts.rowsFailed++;
      this.failures[failure] = (this.failures[failure] ?? 0) + 1;
    }
  }

  countRejected(): void {
    this.counts.rowsRejected++;
  }

  /** The range `[start, end)` of the row numbers, empty at 0 where the part has none, and how many of them came to each end. */
  totals(): Pick<Receipt, 'rows' | 'rowsSummarized' | 'rowsFailed' | 'rowsRejected' | 'failures'> {
    return { rows: { start: this.start ?? 0, end: this.end }, ...this.counts, failures: this.failures };
  }
}
