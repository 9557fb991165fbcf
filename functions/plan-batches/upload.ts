import type { RejectionReason, StagedRow } from '../shared/contract.ts';
import type { RedactionCounts } from './redaction.ts';

/** Where a record starts: enough to go on reading there in another invocation. Grows with every record. */
export interface Position {
  /**
   * Offset of the record's first byte in the upload, or in its decompressed UTF-8 copy where one is read instead. In JSON white space,
   * a comma or the end of the array may come first. Parquet has no such offset: the number of the record.
   */
  byte: number;
  /** 1-based line of those bytes on which the record starts; of Parquet the number of the record, counted from 1. */
  line: number;
  /** 0-based number of the record. */
  rowNumber: number;
  /** In a folder: index of the part file, to whose bytes and lines the others belong. */
  file?: number | undefined;
}

/** A record of the upload, as text and id, or with the reason for which it is none. */
export type UploadRow = {
  rowNumber: number;
  /** In a folder: the part file, below the folder. */
  part?: string | undefined;
  line: number;
  /** Where the next record starts. */
  next: Position;
  /** What was replaced in it; absent where nothing was. */
  redacted?: RedactionCounts | undefined;
} & (
  | { reason: null; id: string; text: string; truncated: boolean; groupKey: string | null; attributes: StagedRow['attributes'] }
  | { reason: RejectionReason; raw: string }
);

/** What stands between the fields of a CSV file. */
export type Delimiter = ',' | ';' | '\t' | '|';

export interface Upload {
  /** `csv` whatever the delimiter; `json`: an array or objects one after another; `text`: one text a line. */
  readonly format: 'csv' | 'jsonl' | 'json' | 'parquet' | 'text';
  /** What the whole file is packed in; Parquet compresses inside and has none. */
  readonly compression: 'gzip' | 'zstd' | null;
  /** How the file writes characters. */
  readonly encoding: 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252';
  /** null: the format has none. */
  readonly delimiter: Delimiter | null;
  readonly textColumn: string;
  /** null: the 1-based row number is the id. */
  readonly idColumn: string | null;
  /** null: rows are not grouped. */
  readonly groupColumns: readonly string[] | null;
  readonly columns: readonly string[];
  /** Whether it is CSV without a header: its columns are called `column_1` and so on. */
  readonly isHeaderless: boolean;
  /** Sentences on what was guessed. */
  readonly notes: readonly string[];
  /** Position of the first record. */
  readonly start: Position;
  /** Every record from a position on, in order, in groups of any size. */
  rows(from: Position): AsyncIterable<readonly UploadRow[]>;
}
