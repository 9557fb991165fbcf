import type { RejectionReason } from '../shared/contract.ts';

/** Where a record starts: enough to go on reading there in another invocation. */
export interface Position {
  /** Offset of the record's first byte in the upload. */
  byte: number;
  /** 1-based line of the upload on which the record starts. */
  line: number;
  /** 0-based number of the record. */
  rowNumber: number;
}

/** A record of the upload, as text and id, or with the reason for which it is none. */
export type UploadRow = {
  rowNumber: number;
  line: number;
  /** Where the next record starts. */
  next: Position;
} & (
  | { reason: null; id: string; text: string; truncated: boolean; attributes: Record<string, unknown> }
  | { reason: RejectionReason; raw: string }
);

export interface Upload {
  readonly format: 'csv' | 'jsonl';
  readonly textColumn: string;
  /** null: the 1-based row number is the id. */
  readonly idColumn: string | null;
  readonly columns: readonly string[];
  /** Sentences on what was guessed. */
  readonly notes: readonly string[];
  /** Position of the first record. */
  readonly start: Position;
  /** Every record from a position on, in order, in groups of any size. */
  rows(from: Position): AsyncIterable<readonly UploadRow[]>;
}
