import { rowsPerCall } from '../shared/answer-budget.ts';
import type { Batch, Rejection, StagedRow } from '../shared/contract.ts';
import { BYTES_PER_TOKEN, PART_BYTES, PART_ROWS } from '../shared/limits.ts';
import { partKey, partManifestKey, rejectedKey } from '../shared/object-keys.ts';
import type { ObjectStore, ObjectWriter } from '../shared/ports.ts';
import type { Settings } from '../shared/settings.ts';

/** Bytes that are sent on at once. */
const PIECE_BYTES = 1024 * 1024;
const FIRST_CAPACITY_BYTES = 64 * 1024;
/** Characters that are encoded at once, so that no string is longer than what a young generation holds well. */
const ENCODED_CHARACTERS = 64 * 1024;

/** Upper estimate of a text's tokens. */
export const tokensOf = (text: string) => Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);

/** Lines for one object, sent on in pieces of about a mebibyte. */
class LineWriter {
  private readonly writer: ObjectWriter;
  private pending: string[] = [];
  private pendingCharacters = 0;
  /** The same memory for every piece: whoever is sent one has taken it when `write` is over. */
  private piece = Buffer.allocUnsafe(FIRST_CAPACITY_BYTES);
  private pieceBytes = 0;
  private sentBytes = 0;

  constructor(store: ObjectStore, key: string) {
    this.writer = store.create(key);
  }

  add(line: string): void {
    this.pending.push(line);
    this.pendingCharacters += line.length;
    if (this.pendingCharacters >= ENCODED_CHARACTERS) this.encode();
  }

  /** Bytes of all lines so far. */
  get bytes(): number {
    this.encode();
    return this.sentBytes + this.pieceBytes;
  }

  /** Whether there is a piece to send. */
  get isHeavy() {
    return this.pieceBytes >= PIECE_BYTES;
  }

  private encode(): void {
    if (this.pending.length === 0) return;
    // For the line feed after the last line.
    this.pending.push('');
    const text = this.pending.join('\n');
    this.pending = [];
    this.pendingCharacters = 0;
    const end = this.pieceBytes + Buffer.byteLength(text);
    if (end > this.piece.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, 2 * this.piece.length));
      this.piece.copy(larger, 0, 0, this.pieceBytes);
      this.piece = larger;
    }
    this.piece.write(text, this.pieceBytes);
    this.pieceBytes = end;
  }

  async flush() {
    this.encode();
    if (this.pieceBytes === 0) return;
    await this.writer.write(this.piece.subarray(0, this.pieceBytes));
    this.sentBytes += this.pieceBytes;
    this.pieceBytes = 0;
  }

  async close() {
    await this.flush();
    await this.writer.close();
  }

  abort = () => this.writer.abort();
}

/** What the whole plan needs to know of a finished part. */
export interface PartCounts {
  rowsStaged: number;
  rowsRejected: number;
  rowsTruncated: number;
  batches: number;
  inputTokens: number;
}

/** A staged group of whole batches under construction: its rows, its share of the manifest and its rejections. */
export class StagedPart {
  readonly counts: PartCounts = { rowsStaged: 0, rowsRejected: 0, rowsTruncated: 0, batches: 0, inputTokens: 0 };
  private readonly key: string;
  private readonly rows: LineWriter;
  private readonly manifest: LineWriter;
  private readonly rejections: LineWriter;
  private readonly firstBatchId: number;
  private readonly limits: { batchRows: number; maxBatchTokens: number };
  private open: { start: number; firstRow: number; rows: number; tokens: number } | undefined;

  constructor(work: ObjectStore, runId: string, part: number, firstBatchId: number, settings: Settings) {
    this.key = partKey(runId, part);
    this.rows = new LineWriter(work, this.key);
    this.manifest = new LineWriter(work, partManifestKey(runId, part));
    this.rejections = new LineWriter(work, rejectedKey(runId, part));
    this.firstBatchId = firstBatchId;
    this.limits = { batchRows: rowsPerCall(settings), maxBatchTokens: settings.maxBatchTokens };
  }

  /** Whether a row of so many tokens would begin a new part: the part is at its size and no batch is open that would take the row. */
  isFullFor(tokens: number): boolean {
    if (this.open && this.fits(this.open, tokens)) return false;
    return this.counts.rowsStaged >= PART_ROWS || this.rows.bytes >= PART_BYTES;
  }

  private fits(batch: { rows: number; tokens: number }, tokens: number): boolean {
    return batch.rows < this.limits.batchRows && batch.tokens + tokens <= this.limits.maxBatchTokens;
  }

  /** Takes a row without a turn of the event loop; `flush` is due when `isHeavy` says so. */
  addRow(row: StagedRow, tokens: number): void {
    if (this.open && !this.fits(this.open, tokens)) this.closeBatch();
    this.open ??= { start: this.rows.bytes, firstRow: row.rowNumber, rows: 0, tokens: 0 };
    this.open.rows++;
    this.open.tokens += tokens;
    this.counts.rowsStaged++;
    if (row.truncated) this.counts.rowsTruncated++;
    this.rows.add(JSON.stringify(row));
  }

  addRejection(rejection: Rejection): void {
    this.counts.rowsRejected++;
    this.rejections.add(JSON.stringify(rejection));
  }

  /** Whether a piece of some file waits to be sent. */
  get isHeavy() {
    return this.rows.isHeavy || this.rejections.isHeavy;
  }

  /** Sends what waits. */
  async flush(): Promise<void> {
    await this.rows.flush();
    await this.rejections.flush();
    await this.manifest.flush();
  }

  private closeBatch() {
    if (!this.open) return;
    const { start, firstRow, rows, tokens } = this.open;
    const batch: Batch = {
      batchId: this.firstBatchId + this.counts.batches,
      level: 0,
      groupKey: null,
      partKey: this.key,
      start,
      end: this.rows.bytes,
      firstRow,
      rows,
      tokensEstimate: tokens,
    };
    this.counts.batches++;
    this.counts.inputTokens += tokens;
    this.open = undefined;
    this.manifest.add(JSON.stringify(batch));
  }

  /** Makes the part visible, its rows last. */
  async close(): Promise<void> {
    this.closeBatch();
    await this.rejections.close();
    await this.manifest.close();
    await this.rows.close();
  }

  async abort(): Promise<void> {
    await Promise.all([this.rows.abort(), this.manifest.abort(), this.rejections.abort()]);
  }
}
