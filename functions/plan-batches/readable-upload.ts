import type { UploadSource } from './records/record-format.ts';
import { type Compression, compressionOf, decompressed } from './upload-compression.ts';
import { type Encoding, encodingOf, toUtf8 } from './upload-encoding.ts';
import { fileNameOf, firstBytes, headOf, isParquet, refuseForeign, refusePacked, type UploadHead } from './upload-head.ts';

/** Keeps what `convert` brings so that it can be read from any offset, or finds it kept. */
export type KeepCopy = (convert: () => AsyncIterable<Uint8Array>) => Promise<Pick<UploadSource, 'bytes' | 'open'>>;

export interface ReadableUpload {
  /** The upload itself, or its decompressed UTF-8 copy. */
  source: UploadSource;
  head: UploadHead;
  isParquet: boolean;
  compression: Compression | null;
  encoding: Encoding;
  notes: readonly string[];
}

/** Chunks without their first bytes. */
async function* skipping(chunks: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  let left = bytes;
  for await (const chunk of chunks) {
    if (chunk.length > left) yield left === 0 ? chunk : chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

/** Keeps nothing: whoever reads from an offset has everything before it converted again. */
const convertedAgain: KeepCopy = async (convert) => ({ bytes: Number.POSITIVE_INFINITY, open: (start) => skipping(convert(), start) });

const isUtf8ByMark = (bytes: Buffer) => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;

/**
 * An upload as bytes that can be read from any offset on: Parquet, or text in UTF-8. What is compressed or written in another encoding is
 * converted first and kept as `keepCopy` does.
 * @throws InvalidUploadError: the upload is empty, damaged, or plainly neither of the two.
 */
export async function readableUpload(source: UploadSource, keepCopy: KeepCopy = convertedAgain): Promise<ReadableUpload> {
  const fileName = fileNameOf(source);
  const packed = await firstBytes(source, source.open(0));
  const compression = compressionOf(packed.bytes);
  const unpack = () => {
    const chunks = source.open(0);
    return compression ? decompressed({ fileName, bytes: source.bytes }, compression, chunks) : chunks;
  };
  const first = compression ? await firstBytes(source, unpack()) : packed;
  if (compression) refusePacked(fileName, compression, first.bytes);
  refuseForeign(fileName, first.bytes);
  if (isParquet(first.bytes)) {
    return { source, head: headOf(fileName, first), isParquet: true, compression, encoding: 'utf-8', notes: [] };
  }
  const encoding = isUtf8ByMark(first.bytes) ? 'utf-8' : encodingOf(first.bytes, first.isWhole);
  const notes =
    encoding === 'windows-1252' ? ['The file is not UTF-8; it was read as Windows-1252. If letters look wrong, save it as UTF-8.'] : [];
  if (!compression && encoding === 'utf-8') {
    return { source, head: headOf(fileName, first), isParquet: false, compression, encoding, notes };
  }
  const copy: UploadSource = { name: source.name, ...(await keepCopy(() => toUtf8(encoding, unpack()))) };
  const head = headOf(fileName, await firstBytes(copy, copy.open(0)));
  return { source: copy, head, isParquet: false, compression, encoding, notes };
}
