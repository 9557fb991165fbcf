import { pipeline, Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib';
import { unpackedAtOnce } from './parquet-page.ts';
import { snappyChunks } from './snappy-chunks.ts';

type Chunks = AsyncIterable<Uint8Array>;

const CHUNK_BYTES = 256 * 1024;

async function* through(chunks: Chunks, decoder: Transform): AsyncGenerator<Uint8Array> {
  // An error ends the decoder, too, and is thrown to whoever reads it.
  pipeline(Readable.from(chunks, { highWaterMark: 1 }), decoder, () => {});
  yield* decoder as Chunks;
}

const unpackers: Record<string, (chunks: Chunks) => Chunks> = {
  UNCOMPRESSED: (chunks) => chunks,
  SNAPPY: snappyChunks,
  GZIP: (chunks) => through(chunks, createGunzip({ chunkSize: CHUNK_BYTES })),
  ZSTD: (chunks) => through(chunks, createZstdDecompress({ chunkSize: CHUNK_BYTES })),
  BROTLI: (chunks) => through(chunks, createBrotliDecompress({ chunkSize: CHUNK_BYTES })),
};

/** Bytes up to which it is faster to unpack all in one call. */
const WHOLE_BYTES = 1024 * 1024;

async function* unpackedWhole(codec: string, chunks: Chunks, length: number): AsyncGenerator<Uint8Array> {
  const packed: Uint8Array[] = [];
  for await (const chunk of chunks) packed.push(chunk);
  try {
    yield unpackedAtOnce(codec, Buffer.concat(packed), length);
  } catch (cause) {
    throw new RangeError('a page that cannot be unpacked', { cause });
  }
}

/**
 * What the packed chunks of a page unpack to; a large page is never held.
 * @throws RangeError or an error of zlib: damaged, or not `length` bytes.
 */
export async function* unpackedChunks(codec: string, chunks: Chunks, length: number): AsyncGenerator<Uint8Array> {
  if (length <= WHOLE_BYTES) return yield* unpackedWhole(codec, chunks, length);
  let bytes = 0;
  for await (const chunk of (unpackers[codec] as (chunks: Chunks) => Chunks)(chunks)) {
    bytes += chunk.length;
    if (bytes > length) break;
    yield chunk;
  }
  if (bytes !== length) throw new RangeError(`a page of ${bytes} bytes or more instead of ${length}`);
}

/** Whether an error of reading unpacked chunks says that they are damaged; any other is the store's. */
export const isDamage = (error: unknown): boolean => {
  const { name, code } = error as { name?: unknown; code?: unknown };
  return name === 'RangeError' || /^(Z_|ZSTD_|ERR__|ERR_BROTLI)/.test(String(code));
};
