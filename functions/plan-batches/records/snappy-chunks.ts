import { ChunkReader } from './chunk-reader.ts';

/** How far back a copy may reach: Snappy's writers compress blocks of 64 KiB, each by itself. */
const HISTORY_BYTES = 512 * 1024;
const PIECE_BYTES = 256 * 1024;
const LONGEST_COPY = 64;
/** A tag with the four bytes of its offset or length. */
const LONGEST_TAG = 5;
const WANTED_BYTES = 64 * 1024;

/** The last bytes that were unpacked. */
class History {
  readonly #bytes = Buffer.allocUnsafe(HISTORY_BYTES + 2 * PIECE_BYTES);
  #taken = 0;
  #end = 0;

  /** Whether there is a piece to take; before that, there is room for an element. */
  get isFull(): boolean {
    return this.#end - this.#taken >= PIECE_BYTES;
  }

  /** What has come since the last piece, in memory of its own. */
  takePiece(): Uint8Array {
    const piece = new Uint8Array(this.#bytes.subarray(this.#taken, this.#end));
    if (this.#end > HISTORY_BYTES) {
      this.#bytes.copyWithin(0, this.#end - HISTORY_BYTES, this.#end);
      this.#end = HISTORY_BYTES;
    }
    this.#taken = this.#end;
    return piece;
  }

  add(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Repeats bytes from `offset` bytes back on; they may overlap what they make. */
  copy(offset: number, length: number): void {
    const from = this.#end - offset;
    if (offset === 0 || from < 0) throw new RangeError('a copy from before the start');
    for (let index = 0; index < length; index += 1) this.#bytes[this.#end + index] = this.#bytes[from + index] as number;
    this.#end += length;
  }
}

function littleEndian(reader: ChunkReader, bytes: number): number {
  let value = 0;
  for (let index = 0; index < bytes; index += 1) value += reader.byte() * 256 ** index;
  return value;
}

/**
 * What Snappy's raw format unpacks to, piece by piece: hyparquet's reader takes the whole at once, which for a large page is more than memory.
 * Source: format_description.txt of google/snappy.
 * @throws RangeError: damaged.
 */
export async function* snappyChunks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = new ChunkReader(chunks);
  const history = new History();
  const next = async () => {
    if (reader.available < LONGEST_TAG) await reader.want(WANTED_BYTES);
    return reader.available > 0;
  };
  // The length, which the page's header tells, too.
  await next();
  while (reader.byte() >= 128);
  while (reader.available >= LONGEST_TAG || (await next())) {
    const tag = reader.byte();
    const kind = tag & 3;
    if (kind === 0) {
      const short = tag >>> 2;
      for (let left = (short < 60 ? short : littleEndian(reader, short - 59)) + 1; left > 0; ) {
        if (reader.available === 0) await reader.want(WANTED_BYTES);
        const literal = reader.take(Math.min(left, PIECE_BYTES, Math.max(1, reader.available)));
        history.add(literal);
        left -= literal.length;
        if (history.isFull) yield history.takePiece();
      }
    } else {
      const length = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
      const offset = kind === 1 ? (tag >>> 5) * 256 + reader.byte() : littleEndian(reader, kind === 2 ? 2 : 4);
      history.copy(offset, Math.min(length, LONGEST_COPY));
      if (history.isFull) yield history.takePiece();
    }
  }
  const last = history.takePiece();
  if (last.length > 0) yield last;
}
