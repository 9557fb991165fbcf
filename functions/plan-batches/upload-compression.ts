import { createGunzip, createZstdDecompress } from 'node:zlib';
import { InvalidUploadError } from '../shared/errors.ts';
import { MAX_CONVERTED_BYTES, MAX_EXPANSION, MIN_EXPANDED_BYTES } from '../shared/limits.ts';
import type { Upload } from './upload.ts';

export type Compression = NonNullable<Upload['compression']>;

const CHUNK_BYTES = 256 * 1024;
const openers = {
  gzip: () => createGunzip({ chunkSize: CHUNK_BYTES }),
  zstd: () => createZstdDecompress({ chunkSize: CHUNK_BYTES }),
};

/** How bytes are compressed, as their first four show. A zstd file may begin with a skippable frame (RFC 8878, 3.1.2). */
export function compressionOf(bytes: Buffer): Compression | null {
  if (bytes.length < 4) return null;
  if (bytes.readUIntBE(0, 3) === 0x1f8b08) return 'gzip';
  const magic = bytes.readUInt32LE(0);
  return magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50 ? 'zstd' : null;
}

/** Pieces of a stream, which can be given back in part. */
class Pieces {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #returned: Uint8Array | undefined;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  async next(): Promise<Uint8Array | undefined> {
    let piece = this.#returned;
    this.#returned = undefined;
    while (piece === undefined || piece.length === 0) {
      const { value, done } = await this.#chunks.next();
      if (done) return undefined;
      piece = value;
    }
    return piece;
  }

  giveBack(piece: Uint8Array): void {
    this.#returned = piece;
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}

/**
 * The bytes of one or more members, from the next piece on; what the decoder left is given back. Node's decoders go on with a further
 * member only where it starts a chunk (zstd) or follows at once (gzip), and drop it silently elsewhere: hence one decoder after the other.
 */
async function* decodedMembers(pieces: Pieces, first: Uint8Array, compression: Compression): AsyncGenerator<Uint8Array> {
  const decoder = openers[compression]();
  const feed = async () => {
    let given = 0;
    for (let piece: Uint8Array | undefined = first; piece !== undefined; piece = await pieces.next()) {
      given += piece.length;
      const chunk = piece;
      await new Promise<void>((resolve, reject) => decoder.write(chunk, (error) => (error ? reject(error) : resolve())));
      const left = given - decoder.bytesWritten;
      if (left > 0) return pieces.giveBack(piece.subarray(piece.length - left));
    }
    decoder.end();
  };
  const feeding = feed().catch((error: unknown) => void decoder.destroy(error as Error));
  yield* decoder as AsyncIterable<Uint8Array>;
  await feeding;
}

/** The next piece behind zero bytes, with which tapes and block devices fill the end of a gzip file. */
async function afterPadding(pieces: Pieces): Promise<Uint8Array | undefined> {
  for (let piece = await pieces.next(); piece !== undefined; piece = await pieces.next()) {
    const start = piece.findIndex((byte) => byte !== 0);
    if (start !== -1) return piece.subarray(start);
  }
  return undefined;
}

async function* decodedPieces(pieces: Pieces, compression: Compression): AsyncGenerator<Uint8Array> {
  for (let first = await pieces.next(); first !== undefined; ) {
    yield* decodedMembers(pieces, first, compression);
    first = compression === 'gzip' ? await afterPadding(pieces) : await pieces.next();
  }
}

const isDecoderError = (error: unknown): error is { code: string } =>
  typeof error === 'object' && error !== null && 'code' in error && /^(Z_|ZSTD_)/.test(String(error.code));

function refuseDamaged(fileName: string, compression: Compression, error: { code: string }): never {
  if (error.code === 'Z_BUF_ERROR') {
    throw new InvalidUploadError(`${fileName} is compressed with ${compression} and breaks off before its end; drop the whole file.`, {
      code: 'cut_short',
      cause: error,
    });
  }
  throw new InvalidUploadError(
    error.code === 'ZSTD_error_frameParameter_windowTooLarge'
      ? `${fileName} is compressed with a larger zstd window than 128 MiB; compress it without --long or --ultra and drop that.`
      : `${fileName} is compressed with ${compression} and damaged, or something else follows the compressed data; compress it again and drop that.`,
    { code: 'damaged', cause: error },
  );
}

function refuseExpansion(fileName: string, compressedBytes: number, bytes: number): void {
  const isSuspicious = bytes > MIN_EXPANDED_BYTES && bytes > MAX_EXPANSION * compressedBytes;
  if (bytes <= MAX_CONVERTED_BYTES && !isSuspicious) return;
  throw new InvalidUploadError(
    isSuspicious
      ? `${fileName} unpacks to more than ${MAX_EXPANSION} times its size, which no table of texts does; drop it unpacked if it is one.`
      : `${fileName} unpacks to more than ${MAX_CONVERTED_BYTES / 1024 ** 3} GiB; drop it unpacked or in smaller files.`,
    { code: 'too_large_unpacked' },
  );
}

/**
 * What compressed chunks unpack to, every member of it.
 * @throws InvalidUploadError: damaged, cut short, or far larger than any table of texts would be.
 */
export async function* decompressed(
  { fileName, bytes: compressedBytes }: { fileName: string; bytes: number },
  compression: Compression,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const pieces = new Pieces(chunks);
  let bytes = 0;
  try {
    for await (const chunk of decodedPieces(pieces, compression)) {
      bytes += chunk.length;
      refuseExpansion(fileName, compressedBytes, bytes);
      yield chunk;
    }
  } catch (error) {
    if (isDecoderError(error)) refuseDamaged(fileName, compression, error);
    throw error;
  } finally {
    await pieces.close();
  }
}
