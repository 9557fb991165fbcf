import type { ObjectStore, ObjectWriter } from '../shared/ports.ts';

/** Bytes that are sent on at once. */
const PIECE_BYTES = 1024 * 1024;
const LINE_FEED = 0x0a;
const FIRST_CAPACITY_BYTES = 64 * 1024;
/** Characters that are encoded at once, so that no string is longer than what a young generation holds well. */
const ENCODED_CHARACTERS = 64 * 1024;

/** Lines for one object, sent on in pieces of about a mebibyte. */
export class LineWriter {
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

  /** Takes a line that is encoded already. Its bytes are copied. */
  addBytes(line: Uint8Array): void {
    this.encode();
    this.require(line.length + 1);
    this.piece.set(line, this.pieceBytes);
    this.piece[this.pieceBytes + line.length] = LINE_FEED;
    this.pieceBytes += line.length + 1;
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
    const bytes = Buffer.byteLength(text);
    this.require(bytes);
    this.piece.write(text, this.pieceBytes);
    this.pieceBytes += bytes;
  }

  /** Makes room for so many bytes more. */
  private require(bytes: number): void {
    const end = this.pieceBytes + bytes;
    if (end <= this.piece.length) return;
    const larger = Buffer.allocUnsafe(Math.max(end, 2 * this.piece.length));
    this.piece.copy(larger, 0, 0, this.pieceBytes);
    this.piece = larger;
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
