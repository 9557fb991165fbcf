import type { ChunkReader } from './chunk-reader.ts';

/** Most bytes that so many values of any width take in runs of one each. */
export const bytesOfRuns = (values: number) => values * 10 + 16;

/** Numbers in Parquet's hybrid of run lengths and bit packing, one after another; hyparquet reads all of a page at once. */
export class HybridRuns {
  readonly #reader: ChunkReader;
  readonly #width: number;
  /** Values left in the run. */
  #left = 0;
  #isPacked = false;
  #value = 0;
  #byte = 0;
  #bits = 0;

  /** @param width bits of a value, 0 to 32; of none, all values are 0. */
  constructor(reader: ChunkReader, width: number) {
    if (width > 32) throw new RangeError('width of values');
    this.#reader = reader;
    this.#width = width;
  }

  /** The next number; `bytesOfRuns(1)` bytes are at hand, or all that are left. @throws RangeError: the bytes end before. */
  next(): number {
    if (this.#width === 0) return 0;
    while (this.#left === 0) this.#startRun();
    this.#left -= 1;
    return this.#isPacked ? this.#unpack() : this.#value;
  }

  #startRun(): void {
    let header = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = this.#reader.byte();
      header += (byte & 127) * shift;
      if (byte < 128) break;
      if (shift > 2 ** 28) throw new RangeError('length of a run');
    }
    this.#isPacked = header % 2 === 1;
    this.#left = Math.floor(header / 2) * (this.#isPacked ? 8 : 1);
    this.#bits = 0;
    if (this.#isPacked) return;
    this.#value = 0;
    for (let shift = 0; shift < this.#width; shift += 8) this.#value |= this.#reader.byte() << shift;
    this.#value >>>= 0;
  }

  #unpack(): number {
    let value = 0;
    for (let have = 0; have < this.#width; ) {
      if (this.#bits === 0) {
        this.#byte = this.#reader.byte();
        this.#bits = 8;
      }
      const taken = Math.min(this.#bits, this.#width - have);
      value |= (this.#byte & ((1 << taken) - 1)) << have;
      this.#byte >>>= taken;
      this.#bits -= taken;
      have += taken;
    }
    return value >>> 0;
  }
}
