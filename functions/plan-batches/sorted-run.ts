import type { StagedRow } from '../shared/contract.ts';
import { sortedRunKey } from '../shared/object-keys.ts';
import type { ObjectStore } from '../shared/ports.ts';
import type { GroupingLimits } from './grouping-limits.ts';

/*
 * The file of a sorted run: group after group in the order of their keys, each behind a header of two 32-bit numbers (bytes of its key, its
 * rows) and the key; each row behind three (bytes of its line, its tokens, its row number). Numbers are little-endian.
 */
export const GROUP_HEADER_BYTES = 8;
export const ROW_HEADER_BYTES = 12;

/** The order of groups: of the UTF-16 units of their keys. */
export const inKeyOrder = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** A string of its own: a piece of the text of its block would hold all of that in memory. */
const ownCopy = (text: string) => Buffer.from(text).toString();

const PIECE_BYTES = 1024 * 1024;
/** Room for the row that fills a run, so that the memory is not doubled for it. */
const SLACK_BYTES = 2 * 1024 * 1024;

/** Rows of one stretch of the upload: held until the run is full, then written in the order of their groups; the memory serves the next run. */
export class SortedRun {
  private rows = 0;
  private rejections = 0;
  /** Memory is taken page by page as it fills. */
  private bytes: Buffer;
  private bytesUsed = 0;
  private readonly groupIds = new Map<string, number>();
  private groupRows: number[] = [];
  /** Of each row: its group, where its line ends, its tokens and its number. */
  private readonly groupOf: Uint32Array;
  private readonly ends: Uint32Array;
  private readonly tokens: Uint32Array;
  private readonly rowNumbers: Uint32Array;
  private readonly limits: Pick<GroupingLimits, 'sortedRunBytes' | 'sortedRunRecords'>;

  constructor(limits: Pick<GroupingLimits, 'sortedRunBytes' | 'sortedRunRecords'>) {
    this.limits = limits;
    this.bytes = Buffer.allocUnsafe(limits.sortedRunBytes + SLACK_BYTES);
    const arrays = () => new Uint32Array(limits.sortedRunRecords);
    [this.groupOf, this.ends, this.tokens, this.rowNumbers] = [arrays(), arrays(), arrays(), arrays()];
  }

  /** Whether another record belongs into the next run. */
  get isFull(): boolean {
    return this.rows + this.rejections >= this.limits.sortedRunRecords || this.bytesUsed >= this.limits.sortedRunBytes;
  }

  add(row: StagedRow & { groupKey: string }, tokens: number): void {
    const line = JSON.stringify(row);
    // A UTF-16 unit is three bytes at most.
    if (this.bytesUsed + 3 * line.length > this.bytes.length) this.require(this.bytesUsed + Buffer.byteLength(line));
    this.bytesUsed += this.bytes.write(line, this.bytesUsed);
    const known = this.groupIds.get(row.groupKey);
    const group = known ?? this.groupRows.length;
    if (known === undefined) this.groupIds.set(ownCopy(row.groupKey), group);
    this.groupRows[group] = (this.groupRows[group] ?? 0) + 1;
    this.groupOf[this.rows] = group;
    this.ends[this.rows] = this.bytesUsed;
    this.tokens[this.rows] = tokens;
    this.rowNumbers[this.rows] = row.rowNumber;
    this.rows++;
  }

  countRejection(): void {
    this.rejections++;
  }

  private require(end: number): void {
    if (end <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(end);
    this.bytes.copy(larger, 0, 0, this.bytesUsed);
    this.bytes = larger;
  }

  /** Rows by group, those of each in the order in which they came; the first row of each group by its rank. */
  private sorted(keys: readonly string[]): { order: Uint32Array; firsts: number[] } {
    const firsts: number[] = [];
    const nextOf = new Uint32Array(keys.length);
    let next = 0;
    for (const key of keys) {
      const group = this.groupIds.get(key) as number;
      firsts.push(next);
      nextOf[group] = next;
      next += this.groupRows[group] as number;
    }
    const order = new Uint32Array(this.rows);
    for (let row = 0; row < this.rows; row++) {
      const group = this.groupOf[row] as number;
      order[nextOf[group] as number] = row;
      nextOf[group] = (nextOf[group] as number) + 1;
    }
    return { order, firsts };
  }

  /** Writes the run, and begins the next one. @returns the bytes that were written. */
  async write(work: ObjectStore, runId: string, sortedRun: number): Promise<number> {
    const keys = [...this.groupIds.keys()].sort(inKeyOrder);
    const { order, firsts } = this.sorted(keys);
    const writer = work.create(sortedRunKey(runId, sortedRun));
    let piece = Buffer.allocUnsafe(PIECE_BYTES);
    let pieceBytes = 0;
    let written = 0;
    /** Room for so many bytes in the piece, once those before are sent. */
    const room = async (bytes: number) => {
      if (pieceBytes + bytes <= piece.length) return;
      await writer.write(piece.subarray(0, pieceBytes));
      written += pieceBytes;
      pieceBytes = 0;
      if (bytes > piece.length) piece = Buffer.allocUnsafe(bytes);
    };
    const number = (value: number) => {
      pieceBytes = piece.writeUInt32LE(value, pieceBytes);
    };
    try {
      for (const [rank, key] of keys.entries()) {
        const rows = this.groupRows[this.groupIds.get(key) as number] as number;
        const keyBytes = Buffer.byteLength(key);
        await room(GROUP_HEADER_BYTES + keyBytes);
        number(keyBytes);
        number(rows);
        pieceBytes += piece.write(key, pieceBytes);
        const first = firsts[rank] as number;
        for (let at = first; at < first + rows; at++) {
          const row = order[at] as number;
          const start = row === 0 ? 0 : (this.ends[row - 1] as number);
          const end = this.ends[row] as number;
          if (pieceBytes + ROW_HEADER_BYTES + end - start > piece.length) await room(ROW_HEADER_BYTES + end - start);
          number(end - start);
          number(this.tokens[row] as number);
          number(this.rowNumbers[row] as number);
          pieceBytes += this.bytes.copy(piece, pieceBytes, start, end);
        }
      }
      await writer.write(piece.subarray(0, pieceBytes));
      await writer.close();
    } catch (error) {
      await writer.abort();
      throw error;
    }
    this.rows = 0;
    this.rejections = 0;
    this.bytesUsed = 0;
    this.groupIds.clear();
    this.groupRows = [];
    return written + pieceBytes;
  }
}
