import { rowsPerCall } from '../shared/answer-budget.ts';
import type { Batch, Rejection, StagedRow } from '../shared/contract.ts';
import type { GroupLine } from '../shared/group-line.ts';
import { BYTES_PER_TOKEN } from '../shared/limits.ts';
import { partGroupsKey, partKey, rejectedKey, skippedKey, stagedManifestKey } from '../shared/object-keys.ts';
import type { ObjectStore } from '../shared/ports.ts';
import type { Settings } from '../shared/settings.ts';
import { type GroupingLimits, groupingLimits } from './grouping-limits.ts';
import { LineWriter } from './line-writer.ts';

/** Upper estimate of a text's tokens. */
export const tokensOf = (text: string) => Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);

/** What the whole plan needs to know of a finished part. */
export interface PartCounts {
  rowsStaged: number;
  rowsSkipped: number;
  rowsRejected: number;
  rowsTruncated: number;
  batches: number;
  inputTokens: number;
}

export interface PartOptions {
  /** Rows are grouped: the part has a file of groups and one of rows that are left out. @default false */
  isGrouped?: boolean;
  /** The part's rejections are stored already. @default false */
  hasRejections?: boolean;
  /** @default the limits of every part */
  limits?: Pick<GroupingLimits, 'partRows' | 'partBytes'>;
}

/** A staged group of whole batches under construction: its rows, its share of the manifest and its rejections. */
export class StagedPart {
  readonly counts: PartCounts = { rowsStaged: 0, rowsSkipped: 0, rowsRejected: 0, rowsTruncated: 0, batches: 0, inputTokens: 0 };
  private readonly key: string;
  private readonly rows: LineWriter;
  private readonly manifest: LineWriter;
  private readonly rejections: LineWriter | null;
  private readonly skipped: LineWriter | null;
  private readonly groups: LineWriter | null;
  private readonly firstBatchId: number;
  private readonly limits: { batchRows: number; maxBatchTokens: number };
  private open: { start: number; firstRow: number; rows: number; tokens: number } | undefined;
  private readonly size: Pick<GroupingLimits, 'partRows' | 'partBytes'>;
  private groupKey: string | null = null;

  constructor(
    work: ObjectStore,
    runId: string,
    part: number,
    firstBatchId: number,
    settings: Settings,
    { isGrouped = false, hasRejections = false, limits: size = groupingLimits }: PartOptions = {},
  ) {
    this.key = partKey(runId, part);
    this.rows = new LineWriter(work, this.key);
    this.manifest = new LineWriter(work, stagedManifestKey(runId, part));
    this.rejections = hasRejections ? null : new LineWriter(work, rejectedKey(runId, part));
    this.skipped = isGrouped ? new LineWriter(work, skippedKey(runId, part)) : null;
    this.groups = isGrouped ? new LineWriter(work, partGroupsKey(runId, part)) : null;
    this.firstBatchId = firstBatchId;
    this.limits = { batchRows: rowsPerCall(settings), maxBatchTokens: settings.maxBatchTokens };
    this.size = size;
  }

  /** Whether a row of so many tokens would begin a new part: the part is at its size and no batch is open that would take the row. */
  isFullFor(tokens: number): boolean {
    if (this.open && this.fits(this.open, tokens)) return false;
    const rows = this.counts.rowsStaged + this.counts.rowsSkipped;
    return rows >= this.size.partRows || this.rows.bytes + (this.skipped?.bytes ?? 0) >= this.size.partBytes;
  }

  private fits(batch: { rows: number; tokens: number }, tokens: number): boolean {
    return batch.rows < this.limits.batchRows && batch.tokens + tokens <= this.limits.maxBatchTokens;
  }

  /** The rows that come now are of this group; no batch has rows of two. */
  startGroup(groupKey: string): void {
    this.closeBatch();
    this.groupKey = groupKey;
  }

  /** Keeps what is known of the group whose last row was added. */
  addGroup(group: Omit<GroupLine, 'root'>): void {
    this.closeBatch();
    this.groups?.add(JSON.stringify(group));
  }

  /** Takes a row without a turn of the event loop; `flush` is due when `isHeavy` says so. */
  addRow(row: StagedRow, tokens: number): void {
    this.count(row.rowNumber, tokens);
    if (row.truncated) this.counts.rowsTruncated++;
    this.rows.add(JSON.stringify(row));
  }

  /** The same of a row that is encoded already, whose cut texts are counted elsewhere. */
  addRowLine(line: Uint8Array, rowNumber: number, tokens: number): void {
    this.count(rowNumber, tokens);
    this.rows.addBytes(line);
  }

  private count(rowNumber: number, tokens: number): void {
    if (this.open && !this.fits(this.open, tokens)) this.closeBatch();
    this.open ??= { start: this.rows.bytes, firstRow: rowNumber, rows: 0, tokens: 0 };
    this.open.rows++;
    this.open.tokens += tokens;
    this.counts.rowsStaged++;
  }

  /** Takes a row that is to be in no batch. */
  addSkipped(line: Uint8Array): void {
    this.counts.rowsSkipped++;
    this.skipped?.addBytes(line);
  }

  addRejection(rejection: Rejection): void {
    this.counts.rowsRejected++;
    this.rejections?.add(JSON.stringify(rejection));
  }

  /** Batches so far, the open one included. */
  get batches(): number {
    return this.counts.batches + (this.open ? 1 : 0);
  }

  /** Whether a piece of some file waits to be sent. */
  get isHeavy() {
    return this.rows.isHeavy || (this.rejections?.isHeavy ?? false) || (this.skipped?.isHeavy ?? false);
  }

  /** Sends what waits. */
  async flush(): Promise<void> {
    for (const writer of this.writers) await writer.flush();
  }

  private closeBatch() {
    if (!this.open) return;
    const { start, firstRow, rows, tokens } = this.open;
    const batch: Omit<Batch, 'parent'> = {
      batchId: this.firstBatchId + this.counts.batches,
      level: 0,
      groupKey: this.groupKey,
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

  /** All files of the part, its rows last. */
  private get writers(): LineWriter[] {
    const others = [this.rejections, this.skipped, this.groups, this.manifest];
    return [...others.filter((writer) => writer !== null), this.rows];
  }

  /** Makes the part visible, its rows last. */
  async close(): Promise<void> {
    this.closeBatch();
    for (const writer of this.writers) await writer.close();
  }

  async abort(): Promise<void> {
    await Promise.all(this.writers.map((writer) => writer.abort()));
  }
}
