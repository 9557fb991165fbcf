import type { Batch, Rejection, StagedRow } from '../shared/contract.ts';
import { BYTES_PER_TOKEN, PART_BYTES, PART_ROWS } from '../shared/limits.ts';
import { partKey, partManifestKey, rejectedKey } from '../shared/object-keys.ts';
import type { ObjectStore, ObjectWriter } from '../shared/ports.ts';
import type { Settings } from '../shared/settings.ts';

const PIECE_CHARACTERS = 1024 * 1024;

/** Lines for one object, sent on in pieces of about a mebibyte. */
class LineWriter {
  /** Bytes of all lines so far. */
  bytes = 0;
  private readonly writer: ObjectWriter;
  private pending: string[] = [];
  private pendingCharacters = 0;

  constructor(store: ObjectStore, key: string) {
    this.writer = store.create(key);
  }

  add(line: string): void {
    this.bytes += Buffer.byteLength(line) + 1;
    this.pending.push(line);
    this.pendingCharacters += line.length;
  }

  /** Whether there is a piece to send. */
  get isHeavy() {
    return this.pendingCharacters >= PIECE_CHARACTERS;
  }

  async flush() {
    if (this.pending.length === 0) return;
    const piece = Buffer.from(`${this.pending.join('\n')}\n`);
    this.pending = [];
    this.pendingCharacters = 0;
    await this.writer.write(piece);
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
  private readonly limits: Pick<Settings, 'batchRows' | 'maxBatchTokens'>;
  private open: { start: number; firstRow: number; rows: number; tokens: number } | undefined;

  constructor(
    work: ObjectStore,
    runId: string,
    part: number,
    firstBatchId: number,
    limits: Pick<Settings, 'batchRows' | 'maxBatchTokens'>,
  ) {
    this.key = partKey(runId, part);
    this.rows = new LineWriter(work, this.key);
    this.manifest = new LineWriter(work, partManifestKey(runId, part));
    this.rejections = new LineWriter(work, rejectedKey(runId, part));
    this.firstBatchId = firstBatchId;
    this.limits = limits;
  }

  private static tokensOf = (text: string) => Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);

  /** Whether the next row would begin a new part: the part is at its size and no batch is open that would take the row. */
  isFullFor(text: string): boolean {
    const isAtSize = this.counts.rowsStaged >= PART_ROWS || this.rows.bytes >= PART_BYTES;
    return isAtSize && !(this.open && this.fits(this.open, text));
  }

  private fits(batch: { rows: number; tokens: number }, text: string): boolean {
    return batch.rows < this.limits.batchRows && batch.tokens + StagedPart.tokensOf(text) <= this.limits.maxBatchTokens;
  }

  /** Takes a row without a turn of the event loop; `flush` is due when `isHeavy` says so. */
  addRow(row: StagedRow): void {
    if (this.open && !this.fits(this.open, row.text)) this.closeBatch();
    this.open ??= { start: this.rows.bytes, firstRow: row.rowNumber, rows: 0, tokens: 0 };
    this.open.rows++;
    this.open.tokens += StagedPart.tokensOf(row.text);
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
