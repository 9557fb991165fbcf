import type { RejectionReason } from '../../shared/contract.ts';
import type { Delimiter, Position, Upload } from '../upload.ts';

/** Where the bytes of an upload come from: one pinned version of one object. */
export interface UploadSource {
  /** Object key. */
  name: string;
  /** `Infinity` where only reading to the end tells. */
  bytes: number;
  /** The bytes from an offset to the end. */
  open(startByte: number): AsyncIterable<Uint8Array>;
  /** Bytes `[start, end)`, for a format that is not read from front to back. @default taken from what `open` brings */
  read?(start: number, end: number): Promise<Uint8Array>;
}

/** The values of one record, by name of their column. */
export interface Fields {
  names(): readonly string[];
  /** A value as text, '' where the record has none. Not well-formed where the bytes of the value are not UTF-8. */
  text(column: string): string;
  /** Every value but those of the given columns, as the format has them. */
  except(columns: ReadonlySet<string>): Record<string, unknown>;
}

/** One record: its fields, or why it has none. `raw`, the record as written (capped), may be asked only until the next group is read. */
export type UploadRecord = { position: Position; next: Position; raw(): string } & (
  | { reason: null; fields: Fields }
  | { reason: RejectionReason }
);

/** What a file format must offer: add a format by adding one of these and choosing it in `open-upload.ts`. */
export interface RecordFormat {
  readonly format: Upload['format'];
  readonly delimiter: Delimiter | null;
  /** Column names of the whole file, null when every record brings its own. */
  readonly header: readonly string[] | null;
  /** Whether a file that could have a header has none: its columns are called `column_1` and so on. @default false */
  readonly isHeaderless?: boolean;
  /** Sentences on what was guessed. */
  readonly notes: readonly string[];
  /** Position of the first record. */
  readonly start: Position;
  /** What the person who wrote the file can do when most of its records are broken. */
  readonly remedy: string;
  /** Every record from a position on, in order. */
  records(from: Position): AsyncIterable<readonly UploadRecord[]>;
}

/** Sets a property of the object itself, also under the name `__proto__`. */
export function setOwn(target: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(target, name, { value, enumerable: true, writable: true, configurable: true });
  else target[name] = value;
}
