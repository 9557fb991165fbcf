import { InvalidUploadError } from '../shared/errors.ts';
import { foreignFormatOf, startsAs } from './foreign-formats.ts';
import { foreignTextOf } from './foreign-texts.ts';
import { ByteWindow } from './records/byte-window.ts';
import type { UploadSource } from './records/record-format.ts';
import { CARRIAGE_RETURN, countBytes, LINE_FEED } from './records/record-frames.ts';
import type { Position } from './upload.ts';
import { type Compression, compressionOf } from './upload-compression.ts';

/** The first bytes of an upload, enough to tell what it is. */
export interface UploadHead {
  /** The object key without its folders, for messages. */
  fileName: string;
  /** What its name ends with, in lower case, that of a compression left aside: `csv` of `July.CSV.gz`. */
  ending: string;
  bytes: Buffer;
  /** Whether the whole upload fits into the head. */
  isWhole: boolean;
  /** After a byte order mark. */
  start: Position;
  lineBreak: typeof LINE_FEED | typeof CARRIAGE_RETURN;
}

export interface FirstBytes {
  bytes: Buffer;
  /** Whether they are all there are. */
  isWhole: boolean;
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const blankBytes = [9, LINE_FEED, CARRIAGE_RETURN, 32];
/** Bytes that show whether a file is text. Source: git's `buffer_is_binary`. */
const BINARY_CHECK_BYTES = 8_000;
/** Share of control characters in those bytes above which they are not text, whatever the encoding; random bytes have 0.1. */
const TOLERATED_CONTROLS = 0.05;
/** Control characters that a short text may have, too: what DOS ends files with, the NUL of a flag in a database. */
const TOLERATED_COUNT = 4;

/** What Hive and Athena put between fields unless told otherwise. */
const CONTROL_DELIMITER = 1;

export const fileNameOf = ({ name }: { name: string }) => name.slice(name.lastIndexOf('/') + 1);

const endingOf = (fileName: string) => /\.([^.]*)(?:\.(?:gz|gzip|zst|zstd))?$/i.exec(fileName)?.[1]?.toLowerCase() ?? '';

/** @throws InvalidUploadError always: there is nothing to read. */
export function refuseEmpty(fileName: string): never {
  throw new InvalidUploadError(`${fileName} is empty; drop a CSV file with a header line and at least one row, or a JSONL file.`, {
    code: 'empty_file',
  });
}

/** The first bytes of a stream: 4 MiB, or all there are. */
export async function firstBytes(source: UploadSource, chunks: AsyncIterable<Uint8Array>): Promise<FirstBytes> {
  if (source.bytes === 0) refuseEmpty(fileNameOf(source));
  const window = new ByteWindow(chunks, 0);
  try {
    await window.moveTo(0);
  } finally {
    await window.close();
  }
  return { bytes: window.bytes, isWhole: window.isLast };
}

export const isParquet = (bytes: Buffer) => startsAs(bytes, 'PAR1');

/** @throws InvalidUploadError: what was compressed is no text. */
export function refusePacked(fileName: string, compression: Compression, bytes: Buffer): void {
  const within = compressionOf(bytes) ?? (isParquet(bytes) ? 'Parquet' : null);
  if (within === null) return;
  throw new InvalidUploadError(`${fileName} is compressed with ${compression} around ${within}; decompress it once and drop that.`, {
    code: 'compressed_twice',
  });
}

/** @throws InvalidUploadError: the upload is plainly something else than a table of texts. */
export function refuseForeign(fileName: string, bytes: Buffer): void {
  const foreign = foreignFormatOf(bytes, endingOf(fileName));
  if (foreign) refuseAs(fileName, foreign);
}

function refuseAs(fileName: string, { code, sentence }: { code: string; sentence: string }): never {
  throw new InvalidUploadError(`${fileName} ${sentence}.`, { code });
}

function refuseBinary(fileName: string, bytes: Buffer): void {
  const checked = bytes.subarray(0, BINARY_CHECK_BYTES);
  const controls = checked.reduce((count, byte) => count + (byte < 32 && !blankBytes.includes(byte) ? 1 : 0), 0);
  const isOtherwiseText = checked.every((byte) => byte === CONTROL_DELIMITER || byte >= 32 || blankBytes.includes(byte));
  // One a line at least.
  if (isOtherwiseText && countBytes(checked, CONTROL_DELIMITER, 0, checked.length) > countBytes(checked, LINE_FEED, 0, checked.length)) {
    throw new InvalidUploadError(
      `${fileName} separates its fields by control characters, as Hive and Athena do; write it as Parquet or JSON, or with commas ` +
        "(field_delimiter = ',') and drop that.",
      { code: 'control_delimiter' },
    );
  }
  if (!checked.includes('\0\0') && controls <= Math.max(TOLERATED_COUNT, checked.length * TOLERATED_CONTROLS)) return;
  throw new InvalidUploadError(
    `${fileName} is a binary file, or UTF-16 text without a byte order mark; export it as CSV in UTF-8 or as JSONL and drop that.`,
    { code: 'binary' },
  );
}

/**
 * The head of an upload.
 * @throws InvalidUploadError: the upload is empty or plainly no text.
 */
export function headOf(fileName: string, { bytes, isWhole }: FirstBytes): UploadHead {
  const startByte = bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
  if (!isParquet(bytes)) refuseBinary(fileName, bytes);
  const foreign = isParquet(bytes) ? undefined : foreignTextOf(bytes.subarray(startByte), isWhole);
  if (foreign) refuseAs(fileName, foreign);
  if (isWhole && bytes.subarray(startByte).every((byte) => blankBytes.includes(byte))) refuseEmpty(fileName);
  const hasCarriageReturnsOnly = !bytes.includes(LINE_FEED) && bytes.includes(CARRIAGE_RETURN);
  return {
    fileName,
    ending: endingOf(fileName),
    bytes,
    isWhole,
    start: { byte: startByte, line: 1, rowNumber: 0 },
    lineBreak: hasCarriageReturnsOnly ? CARRIAGE_RETURN : LINE_FEED,
  };
}

/** Index of the first byte at or after `from` that is no white space, `bytes.length` where there is none. */
export function firstNonBlank(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && blankBytes.includes(bytes[at] as number)) at += 1;
  return at;
}
