import { LedgerError } from '../shared/errors.ts';

/**
 * Row numbers of one part, proven from the rows themselves: rows and rejections come in two ascending sequences that
 * together must be one unbroken range.
 */
export class PartLedger {
  private readonly part: string;
  private start: number | undefined;
  private end = 0;

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

  /** Row numbers `[start, end)`, empty at 0 where the part has none. */
  range(): { start: number; end: number } {
    return { start: this.start ?? 0, end: this.end };
  }
}
