import { sortedRunKey } from '../shared/object-keys.ts';
import type { ObjectStore } from '../shared/ports.ts';
import { GROUP_HEADER_BYTES, ROW_HEADER_BYTES } from './sorted-run.ts';

/** Bytes that are read at once, at most: more of them take memory and no less time. */
const MAX_CHUNK_BYTES = 1024 * 1024;

/** A row as a sorted run has it. `line` is part of the window: whoever keeps it copies it. */
export interface SortedRow {
  line: Uint8Array;
  tokens: number;
  rowNumber: number;
}

/** Where reading a sorted run goes on. */
export interface SortedRunPosition {
  byte: number;
  /** Rows of the group in whose midst that byte lies; 0: a group's header is there, or the end. */
  rowsLeft: number;
}

/** Reads a sorted run from front to back by ranged reads, the next of which is under way while the last is used. */
export class SortedRunReader {
  /** The group at whose rows the reader stands, null at the end of the run. */
  groupKey: string | null = null;
  /** Rows of that group that are still to be read. */
  rowsLeft = 0;
  private readonly work: ObjectStore;
  private readonly key: string;
  private readonly bytes: number;
  private readonly chunkBytes: number;
  private window = Buffer.alloc(0);
  private at = 0;
  /** Where the header of the group is. */
  private groupStart: number;
  /** Byte of the run that follows the window. */
  private windowEnd: number;
  private ahead: Promise<Uint8Array> | undefined;

  /**
   * @param bytes of the whole run.
   * @param windowBytes that the reader may hold.
   */
  constructor(work: ObjectStore, runId: string, sortedRun: number, bytes: number, windowBytes: number, from: SortedRunPosition) {
    this.work = work;
    this.key = sortedRunKey(runId, sortedRun);
    this.bytes = bytes;
    this.chunkBytes = Math.max(1, Math.min(MAX_CHUNK_BYTES, Math.floor(windowBytes / 2)));
    this.windowEnd = from.byte;
    this.groupStart = from.byte;
    this.rowsLeft = from.rowsLeft;
  }

  /** @param groupKey of the group in whose midst reading is to go on; a reader that stands at another goes on with its header. */
  positionIn(groupKey: string | null): SortedRunPosition {
    if (groupKey !== null && this.groupKey === groupKey) return { byte: this.byte, rowsLeft: this.rowsLeft };
    return { byte: this.groupStart, rowsLeft: 0 };
  }

  private get byte(): number {
    return this.windowEnd - this.available;
  }

  private get available(): number {
    return this.window.length - this.at;
  }

  private async read(start: number): Promise<Uint8Array> {
    const end = Math.min(this.bytes, start + this.chunkBytes);
    const chunk = await this.work.get(this.key, { range: { start, end } });
    if (chunk?.byteLength !== end - start) throw new Error(`${this.key} lacks bytes ${start} to ${end}`);
    return chunk;
  }

  private readAhead(): void {
    if (this.ahead || this.windowEnd >= this.bytes) return;
    this.ahead = this.read(this.windowEnd);
    // Whoever needs it hears of its failure.
    this.ahead.catch(() => {});
  }

  /** Has at least so many bytes in the window. */
  private async fill(bytes: number): Promise<void> {
    while (this.available < bytes) {
      this.readAhead();
      if (!this.ahead) throw new Error(`${this.key} ends in the midst of a row`);
      const chunk = await this.ahead;
      this.ahead = undefined;
      this.windowEnd += chunk.length;
      this.window = Buffer.concat([this.window.subarray(this.at), chunk]);
      this.at = 0;
    }
    this.readAhead();
  }

  /** Goes on to the next group; its rows before have all been read. */
  async nextGroup(): Promise<void> {
    this.groupStart = this.byte;
    if (this.available === 0 && this.windowEnd >= this.bytes) {
      this.groupKey = null;
      return;
    }
    await this.fill(GROUP_HEADER_BYTES);
    const keyBytes = this.window.readUInt32LE(this.at);
    await this.fill(GROUP_HEADER_BYTES + keyBytes);
    this.rowsLeft = this.window.readUInt32LE(this.at + 4);
    const start = this.at + GROUP_HEADER_BYTES;
    this.groupKey = this.window.toString('utf8', start, start + keyBytes);
    this.at = start + keyBytes;
  }

  /** Whether the next row of the group is in the window, so that `peek` has it at once. */
  get isReady(): boolean {
    return this.available >= ROW_HEADER_BYTES && this.available >= ROW_HEADER_BYTES + this.window.readUInt32LE(this.at);
  }

  /** Brings the next row of the group into the window. */
  async makeReady(): Promise<void> {
    await this.fill(ROW_HEADER_BYTES);
    await this.fill(ROW_HEADER_BYTES + this.window.readUInt32LE(this.at));
  }

  /** The next row of the group, which stays the next. */
  peek(): SortedRow {
    const lineBytes = this.window.readUInt32LE(this.at);
    const start = this.at + ROW_HEADER_BYTES;
    return {
      line: this.window.subarray(start, start + lineBytes),
      tokens: this.window.readUInt32LE(this.at + 4),
      rowNumber: this.window.readUInt32LE(this.at + 8),
    };
  }

  /** Goes on behind the row. */
  skip(): void {
    this.at += ROW_HEADER_BYTES + this.window.readUInt32LE(this.at);
    this.rowsLeft--;
  }
}
