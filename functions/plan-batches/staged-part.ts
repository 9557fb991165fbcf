import type { Batch, Rejection, StagedRow } from '../shared/contract.ts';
import { BYTES_PER_TOKEN, PART_BYTES, PART_ROWS } from '../shared/limits.ts';
import { partKey, rejectedKey, stagedManifestKey } from '../shared/object-keys.ts';
import type { ObjectStore } from '../shared/ports.ts';
import type { Settings } from '../shared/settings.ts';
import { LineWriter } from './line-writer.ts';

/** Upper estimate of a text's tokens. */
export const tokensOf = (text: string) => Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);

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
    this.manifest = new LineWriter(work, stagedManifestKey(runId, part));
    this.rejections = new LineWriter(work, rejectedKey(runId, part));
    this.firstBatchId = firstBatchId;
    this.limits = limits;
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
    const batch: Omit<Batch, 'parent'> = {
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
