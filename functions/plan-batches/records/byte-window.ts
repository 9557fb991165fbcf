import { MAX_RECORD_BYTES } from '../../shared/limits.ts';

/** Bytes that must lie beyond a record's start to decide where it ends: its longest length, and a closing quote with its line break. */
export const LOOKAHEAD_BYTES = MAX_RECORD_BYTES + 3;
const WINDOW_BYTES = 4 * LOOKAHEAD_BYTES;
const FIRST_CAPACITY_BYTES = 64 * 1024;

/**
 * A stretch of a byte stream that moves forward over it. Whoever reads it sees at least LOOKAHEAD_BYTES beyond the position
 * asked for, or the end of the stream, so what is found never depends on how the stream was cut into chunks.
 */
export class ByteWindow {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);
  #buffer = Buffer.allocUnsafe(FIRST_CAPACITY_BYTES);
  #length = 0;
  #startByte: number;
  #isLast = false;

  /** @param startByte offset in the upload of the first byte that `chunks` brings. */
  constructor(chunks: AsyncIterable<Uint8Array>, startByte: number) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#startByte = startByte;
  }

  /** The bytes at hand: a view that is overwritten when the window moves. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Offset in the upload of the window's first byte. */
  get startByte(): number {
    return this.#startByte;
  }

  get endByte(): number {
    return this.#startByte + this.#length;
  }

  /** Whether the upload ends where the window ends. */
  get isLast(): boolean {
    return this.#isLast;
  }

  /** Moves the window so that it holds LOOKAHEAD_BYTES from `byte` on, or all that is left. Bytes before `byte` may be dropped. */
  async moveTo(byte: number): Promise<void> {
    if (this.#isLast || this.endByte - byte >= LOOKAHEAD_BYTES) return;
    this.#buffer.copyWithin(0, byte - this.#startByte, this.#length);
    this.#length = this.endByte - byte;
    this.#startByte = byte;
    while (this.#length < WINDOW_BYTES) {
      if (this.#rest.length === 0) {
        const { value, done } = await this.#chunks.next();
        if (done) {
          this.#isLast = true;
          return;
        }
        this.#rest = value;
      }
      this.#append();
    }
  }

  /** Offset after the first `lineBreak` at or after `byte`, or the end of the upload. The window moves there. */
  async byteAfter(lineBreak: number, byte: number): Promise<number> {
    let from = byte;
    for (;;) {
      const found = this.bytes.indexOf(lineBreak, from - this.#startByte);
      if (found !== -1) return this.#startByte + found + 1;
      from = this.endByte;
      if (this.#isLast) return from;
      await this.moveTo(from);
    }
  }

  /** Lets go of the stream. */
  async close(): Promise<void> {
    if (!this.#isLast) await this.#chunks.return?.();
  }

  #append(): void {
    const wanted = Math.min(this.#length + this.#rest.length, WINDOW_BYTES);
    if (wanted > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.min(Math.max(wanted, 2 * this.#buffer.length), WINDOW_BYTES));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    const taken = this.#rest.subarray(0, wanted - this.#length);
    this.#buffer.set(taken, this.#length);
    this.#length = wanted;
    this.#rest = this.#rest.subarray(taken.length);
  }
}
