import { LedgerError } from '../shared/errors.ts';
import type { Receipt } from '../shared/receipt.ts';
import { rowSetText } from '../shared/row-set.ts';

type RowNumbers = Receipt['rows'];

/** Row numbers of one part, as they stand in its tables. */
export interface PartRows {
  /** @throws LedgerError: the number cannot be one of the part. */
  add(rowNumber: number): void;
  /** @throws LedgerError: some number stands twice. */
  all(): RowNumbers;
}

const broken = (part: string, words: string) => new LedgerError(`Part ${part}: ${words}`, { code: 'row_numbers_broken' });

/** Of a part that is a stretch of the upload: each number is the one after the last. The range is empty at 0 where the part has none. */
export function consecutiveRows(part: string): PartRows {
  let start: number | undefined;
  let end = 0;
  return {
    add(rowNumber) {
      if (start === undefined) start = rowNumber;
      else if (rowNumber !== end) throw broken(part, `row ${end} is followed by row ${rowNumber}`);
      end = rowNumber + 1;
    },
    all: () => ({ start: start ?? 0, end }),
  };
}

/** Of a part of groups: any numbers, in any order, each once. */
export function scatteredRows(part: string): PartRows {
  const rows: number[] = [];
  return {
    add: (rowNumber) => void rows.push(rowNumber),
    all() {
      const ascending = Float64Array.from(rows).sort();
      for (let index = 1; index < ascending.length; index++)
        if (ascending[index] === ascending[index - 1]) throw broken(part, `row ${ascending[index]} stands twice`);
      return { count: ascending.length, set: rowSetText(ascending) };
    },
  };
}

/** Row numbers of one part and what became of each, proven from the rows themselves. */
export class PartLedger {
  private readonly rows: PartRows;
  private readonly counts = { rowsSummarized: 0, rowsFailed: 0, rowsRejected: 0, rowsSkipped: 0 };
  private readonly failures: Record<string, number> = {};

  constructor(rows: PartRows) {
    this.rows = rows;
  }

  /** Takes a row number, before what became of the row is counted. @throws LedgerError: it cannot be one of the part. */
  add(rowNumber: number): void {
    this.rows.add(rowNumber);
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

  countSkipped(): void {
    this.counts.rowsSkipped++;
  }

  /** The row numbers, and how many of them came to each end. */
  totals(): Pick<Receipt, 'rows' | 'rowsSummarized' | 'rowsFailed' | 'rowsRejected' | 'rowsSkipped' | 'failures'> {
    return { rows: this.rows.all(), ...this.counts, failures: this.failures };
  }
}
