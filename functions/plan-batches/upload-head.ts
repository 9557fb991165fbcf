import { InvalidUploadError } from '../shared/errors.ts';
import { ByteWindow } from './records/byte-window.ts';
import { isJsonObject } from './records/jsonl-records.ts';
import type { UploadSource } from './records/record-format.ts';
import { CARRIAGE_RETURN, LINE_FEED } from './records/record-frames.ts';
import type { Position } from './upload.ts';

/** The first bytes of an upload, enough to tell what it is. */
export interface UploadHead {
  /** The object key without its folders, for messages. */
  fileName: string;
  bytes: Buffer;
  /** Whether the whole upload fits into the head. */
  isWhole: boolean;
  /** After a byte order mark. */
  start: Position;
  lineBreak: typeof LINE_FEED | typeof CARRIAGE_RETURN;
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const firstPrintable = 32;
const textControls = [9, LINE_FEED, CARRIAGE_RETURN];
const blankBytes = [...textControls, firstPrintable];
/** Bytes in which a NUL shows that a file is not text. Source: git's `buffer_is_binary`. */
const BINARY_CHECK_BYTES = 8_000;

interface ForeignFormat {
  code: string;
  /** First bytes of such a file; a text that happens to start with the same letters goes on with a printable character. */
  magic: readonly (string | readonly number[])[];
  holds?: string;
  sentence: string;
}

const asWorkbook = 'is an Excel workbook; export it as CSV (File > Save As > CSV UTF-8) and drop that instead';
/** The first that fits is what the file is. */
const foreignFormats: readonly ForeignFormat[] = [
  { code: 'excel_workbook', magic: ['PK\x03\x04'], holds: 'xl/', sentence: asWorkbook },
  { code: 'excel_workbook', magic: [[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]], sentence: asWorkbook },
  {
    code: 'zip_archive',
    magic: ['PK\x03\x04', 'PK\x05\x06'],
    sentence: 'is a zip archive, which is not read by this version; unpack it and drop the CSV or JSONL file in it',
  },
  {
    code: 'compressed',
    magic: [[0x1f, 0x8b]],
    sentence: 'is compressed with gzip, which is not read by this version; decompress it and drop the CSV or JSONL file',
  },
  {
    code: 'compressed',
    magic: [[0x28, 0xb5, 0x2f, 0xfd]],
    sentence: 'is compressed with zstd, which is not read by this version; decompress it and drop the CSV or JSONL file',
  },
  {
    code: 'parquet',
    magic: ['PAR1'],
    sentence: 'is a Parquet file, which is not read by this version; export it as CSV or JSONL and drop that',
  },
  { code: 'pdf', magic: ['%PDF-'], sentence: 'is a PDF; put the texts into a CSV or JSONL file, one a row, and drop that' },
  {
    code: 'utf16',
    magic: [
      [0xff, 0xfe],
      [0xfe, 0xff],
    ],
    sentence: 'is UTF-16 text; save it as UTF-8 (in Excel: File > Save As > CSV UTF-8) and drop that',
  },
];

const isControl = (byte: number | undefined) => byte === undefined || (byte < firstPrintable && !textControls.includes(byte));

function startsAs(bytes: Buffer, magic: string | readonly number[]): boolean {
  const first = Buffer.from(magic as string, 'latin1');
  if (!bytes.subarray(0, first.length).equals(first)) return false;
  const isLetters = typeof magic === 'string' && !isControl(first.at(-1));
  return !isLetters || first[0] === '%'.charCodeAt(0) || isControl(bytes[first.length]);
}

function refuseForeign({ fileName, bytes }: { fileName: string; bytes: Buffer }): void {
  const foreign = foreignFormats.find(
    ({ magic, holds }) =>
      magic.some((start) => startsAs(bytes, start)) && (!holds || bytes.includes(holds) || /\.xls[xmb]$/i.test(fileName)),
  );
  if (foreign) throw new InvalidUploadError(`${fileName} ${foreign.sentence}.`, { code: foreign.code });
  if (bytes.subarray(0, BINARY_CHECK_BYTES).includes(0)) {
    throw new InvalidUploadError(
      `${fileName} holds NUL bytes, so it is a binary file or UTF-16 text; export it as CSV in UTF-8 or as JSONL and drop that.`,
      { code: 'binary' },
    );
  }
}

/** @throws InvalidUploadError always: there is nothing to read. */
export function refuseEmpty(fileName: string): never {
  throw new InvalidUploadError(`${fileName} is empty; drop a CSV file with a header line and at least one row, or a JSONL file.`, {
    code: 'empty_file',
  });
}

/**
 * The head of an upload.
 * @throws InvalidUploadError: the upload is empty or plainly something else than text in UTF-8.
 */
export async function readUploadHead(source: UploadSource): Promise<UploadHead> {
  const fileName = source.name.slice(source.name.lastIndexOf('/') + 1);
  if (source.bytes === 0) refuseEmpty(fileName);
  const window = new ByteWindow(source.open(0), 0);
  try {
    await window.moveTo(0);
  } finally {
    await window.close();
  }
  const { bytes, isLast } = window;
  refuseForeign({ fileName, bytes });
  const startByte = bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
  if (isLast && bytes.subarray(startByte).every((byte) => blankBytes.includes(byte))) refuseEmpty(fileName);
  const hasCarriageReturnsOnly = !bytes.includes(LINE_FEED) && bytes.includes(CARRIAGE_RETURN);
  return {
    fileName,
    bytes,
    isWhole: isLast,
    start: { byte: startByte, line: 1, rowNumber: 0 },
    lineBreak: hasCarriageReturnsOnly ? CARRIAGE_RETURN : LINE_FEED,
  };
}

/** Whether the first line that is not blank is a JSON object or, failing that, the file is called a JSON file. */
export function isJsonl({ fileName, bytes, start, lineBreak }: UploadHead): boolean {
  const first = bytes.findIndex((byte, index) => index >= start.byte && !blankBytes.includes(byte));
  if (bytes[first] === '{'.charCodeAt(0)) {
    const lineEnd = bytes.indexOf(lineBreak, first);
    try {
      return isJsonObject(JSON.parse(bytes.toString('utf8', first, lineEnd === -1 ? bytes.length : lineEnd)));
    } catch {
      // Not one object a line: the name decides.
    }
  }
  return /\.(jsonl|ndjson|json)$/i.test(fileName);
}
