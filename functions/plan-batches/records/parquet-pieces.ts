import type { DecodedArray, ParquetType } from 'hyparquet';
import { readPlain } from 'hyparquet/src/plain.js';
import { ChunkReader } from './chunk-reader.ts';
import { bytesOfRuns, HybridRuns } from './hybrid-runs.ts';
import type { Page } from './parquet-pages.ts';
import { unpackedChunks } from './parquet-unpacking.ts';

/**
 * A data page of single values, a thousand at a time: there are writers that put millions of rows into one page, and all values at once
 * take several times the memory of the page, which itself may be as large as MAX_PARQUET_PAGE_BYTES.
 */

/** Values that are decoded at once, fewer where they are long. */
const DECODED_VALUES = 1_024;
const DECODED_BYTES = 1024 * 1024;
const WANTED_BYTES = 256 * 1024;
const LENGTH_BYTES = 4;

/** What the values of a column are. */
export interface ValueShape {
  codec: string;
  type: ParquetType;
  /** Bytes of each value of FIXED_LEN_BYTE_ARRAY. */
  typeLength: number | undefined;
  isNullable: boolean;
  /** Plain values as the column has them. */
  convert(values: DecodedArray): DecodedArray;
}

const widths: Partial<Record<ParquetType, number>> = { INT32: 4, INT64: 8, INT96: 12, FLOAT: 4, DOUBLE: 8 };
const widthOf = ({ type, typeLength }: ValueShape) => (type === 'FIXED_LEN_BYTE_ARRAY' ? typeLength : widths[type]);
const encodingOf = ({ header }: Page) => (header.data_page_header ?? header.data_page_header_v2)?.encoding ?? '';

/** Whether the values of the page are read in pieces: those of the encodings that hold most of what is written. */
export function isReadInPieces(page: Page, shape: ValueShape): boolean {
  const encoding = encodingOf(page);
  if (encoding.endsWith('_DICTIONARY')) return shape.type !== 'BOOLEAN';
  return encoding === 'PLAIN' && (shape.type === 'BYTE_ARRAY' || widthOf(shape) !== undefined);
}

/** Takes bytes that may not be at hand yet. @throws RangeError: the page ends before. */
async function taken(reader: ChunkReader, length: number): Promise<Buffer> {
  await reader.want(length);
  return reader.take(length);
}

/** The values of the page, and which of the rows have one: null where all have. */
async function openPage({ header, chunks }: Page, { codec, isNullable }: ValueShape) {
  const { data_page_header_v2: second, uncompressed_page_size: length } = header;
  const runsOf = (levels: Buffer) => new HybridRuns(new ChunkReader(null, levels), 1);
  if (!second) {
    const values = new ChunkReader(unpackedChunks(codec, chunks(), length));
    if (!isNullable) return { values, levels: null };
    await values.want(LENGTH_BYTES);
    return { values, levels: runsOf(await taken(values, values.uint32())) };
  }
  // Levels of the second version lie before the data and are never compressed.
  const [repetition, definition] = [second.repetition_levels_byte_length, second.definition_levels_byte_length];
  const bytes = length - repetition - definition;
  // A damaged header may have negative lengths, or none.
  if (!(repetition >= 0 && definition >= 0 && bytes >= 0)) throw new RangeError('levels beyond the page');
  const packed = new ChunkReader(chunks());
  await taken(packed, repetition);
  const levels = await taken(packed, definition);
  const values = new ChunkReader(unpackedChunks(second.is_compressed === false ? 'UNCOMPRESSED' : codec, packed.rest(), bytes));
  return { values, levels: isNullable ? runsOf(levels) : null };
}

/** The next plain byte arrays. */
async function byteArrays(reader: ChunkReader, count: number): Promise<Uint8Array[]> {
  const values: Uint8Array[] = [];
  while (values.length < count) {
    if (reader.available < LENGTH_BYTES) await reader.want(WANTED_BYTES);
    const length = reader.uint32();
    if (reader.available < length) await reader.want(Math.max(length, WANTED_BYTES));
    values.push(reader.take(length));
  }
  return values;
}

/** Takes the next values of a page; those of a dictionary, where there is one. */
function valueTaker(reader: ChunkReader, page: Page, shape: ValueShape, dictionary: DecodedArray | undefined) {
  const converted = (values: DecodedArray) => {
    try {
      return shape.convert(values);
    } catch (cause) {
      throw new RangeError('a value', { cause });
    }
  };
  if (encodingOf(page).endsWith('_DICTIONARY')) {
    let runs: HybridRuns | undefined;
    return async (count: number): Promise<ArrayLike<unknown>> => {
      if (dictionary === undefined) throw new RangeError('no dictionary');
      await reader.want(1 + bytesOfRuns(count));
      runs ??= new HybridRuns(reader, reader.byte());
      const values: unknown[] = [];
      for (let index = 0; index < count; index += 1) values.push(dictionary[runs.next()]);
      return values;
    };
  }
  const width = widthOf(shape);
  if (width === undefined) return async (count: number) => converted(await byteArrays(reader, count));
  return async (count: number) => {
    const bytes = await taken(reader, count * width);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return converted(readPlain({ view, offset: 0 }, shape.type, count, shape.typeLength));
  };
}

/**
 * The values of a page, null for a null, some at a time.
 * @throws RangeError or an error of zlib: the page is damaged.
 */
export async function* valuePieces(
  page: Page,
  shape: ValueShape,
  dictionary: DecodedArray | undefined,
): AsyncGenerator<ArrayLike<unknown>> {
  const { values, levels } = await openPage(page, shape);
  try {
    const take = valueTaker(values, page, shape, dictionary);
    const valueBytes = page.header.uncompressed_page_size / page.values;
    const rowsAtOnce = Math.max(1, Math.min(DECODED_VALUES, Math.floor(DECODED_BYTES / valueBytes)));
    for (let left = page.values; left > 0; left -= rowsAtOnce) {
      const rows = Math.min(left, rowsAtOnce);
      const isPresent = levels && Array.from({ length: rows }, () => levels.next() === 1);
      const count = isPresent ? isPresent.filter((is) => is).length : rows;
      const present = count === 0 ? [] : await take(count);
      let at = 0;
      yield isPresent && count < rows ? isPresent.map((is) => (is ? present[at++] : null)) : present;
    }
    // To the end, where it shows whether the page is whole.
    for await (const _ of values.rest());
  } finally {
    await values.close();
  }
}
