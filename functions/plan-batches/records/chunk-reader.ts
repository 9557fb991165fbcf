/** The bytes of a stream, taken from front to back. Nothing is overwritten: what was taken stays what it is. */
export class ChunkReader {
  readonly #chunks: AsyncIterator<Uint8Array> | undefined;
  #bytes: Buffer;
  #at = 0;
  #isEnd: boolean;

  /** @param bytes come before those of the stream. */
  constructor(chunks: AsyncIterable<Uint8Array> | null, bytes: Buffer = Buffer.alloc(0)) {
    this.#chunks = chunks?.[Symbol.asyncIterator]();
    this.#isEnd = chunks === null;
    this.#bytes = bytes;
  }

  /** Bytes at hand. */
  get available(): number {
    return this.#bytes.length - this.#at;
  }

  /** Brings `length` bytes to hand, fewer where the stream ends before. */
  async want(length: number): Promise<void> {
    if (this.#isEnd || this.available >= length) return;
    const pieces: Uint8Array[] = [this.#bytes.subarray(this.#at)];
    let bytes = this.available;
    while (bytes < length) {
      const chunk = await this.#nextChunk();
      if (!chunk) break;
      pieces.push(chunk);
      bytes += chunk.length;
    }
    this.#bytes = Buffer.concat(pieces, bytes);
    this.#at = 0;
  }

  /** The next bytes, which are at hand. @throws RangeError: they are not. */
  take(length: number): Buffer {
    if (length > this.available) throw new RangeError('bytes beyond the end');
    const taken = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }

  /** The next byte. @throws RangeError: it is not at hand. */
  byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new RangeError('a byte beyond the end');
    this.#at += 1;
    return byte;
  }

  /** The next four bytes as a number, the lowest first. @throws RangeError: they are not at hand. */
  uint32(): number {
    const value = this.#bytes.readUInt32LE(this.#at);
    this.#at += 4;
    return value;
  }

  /** What has not been taken yet, as a stream. */
  async *rest(): AsyncGenerator<Uint8Array> {
    if (this.available > 0) yield this.take(this.available);
    for (let chunk = await this.#nextChunk(); chunk; chunk = await this.#nextChunk()) yield chunk;
  }

  /** Lets go of the stream. */
  async close(): Promise<void> {
    this.#isEnd = true;
    await this.#chunks?.return?.();
  }

  async #nextChunk(): Promise<Uint8Array | undefined> {
    if (this.#isEnd) return undefined;
    const next = await this.#chunks?.next();
    if (next && !next.done) return next.value;
    this.#isEnd = true;
    return undefined;
  }
}
