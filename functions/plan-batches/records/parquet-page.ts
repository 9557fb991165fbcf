import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { type SchemaElement, type SchemaTree, snappyUncompress } from 'hyparquet';
import type { parquetHeader } from 'hyparquet/src/column.js';
import { deltaBinaryUnpack } from 'hyparquet/src/delta.js';
import { readRleBitPackedHybrid } from 'hyparquet/src/encoding.js';
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from 'hyparquet/src/schema.js';
import { readVarInt } from 'hyparquet/src/thrift.js';
import { MAX_PARQUET_PAGE_BYTES } from '../../shared/limits.ts';

export type PageHeader = ReturnType<typeof parquetHeader>;

/**
 * A page of a Parquet column, unpacked and looked through before hyparquet decodes it: that trusts the counts and lengths in a page, and a
 * damaged one of a few bytes could keep it busy for minutes, or have it read what lies beside the page in memory.
 */

/** @throws RangeError: an element of Snappy goes beyond the page; hyparquet's reader could go round in circles over it. */
function checkSnappy(bytes: Uint8Array, length: number): void {
  let at = bytes.findIndex((byte) => byte < 128) + 1;
  let unpackedBytes = 0;
  while (at < bytes.length) {
    const tag = bytes[at] as number;
    at += 1;
    const kind = tag & 3;
    let count = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    if (kind === 0) {
      const lengthBytes = Math.max(0, count - 60);
      if (lengthBytes > 0) {
        count = 1;
        for (let index = 0; index < lengthBytes; index += 1) count += (bytes[at + index] ?? 0) * 256 ** index;
      }
      at += lengthBytes + count;
    } else {
      at += kind === 3 ? 4 : kind;
    }
    unpackedBytes += count;
    if (at > bytes.length || unpackedBytes > length) throw new RangeError('Snappy beyond the page');
  }
}

const unpackers: Record<string, (bytes: Uint8Array, maxOutputLength: number) => Uint8Array> = {
  UNCOMPRESSED: (bytes) => bytes,
  SNAPPY: (bytes, length) => {
    checkSnappy(bytes, length);
    const output = new Uint8Array(length);
    snappyUncompress(bytes, output);
    return output;
  },
  GZIP: (bytes, length) => gunzipSync(bytes, inOnePiece(length)),
  ZSTD: (bytes, length) => zstdDecompressSync(bytes, inOnePiece(length)),
  BROTLI: (bytes, length) => brotliDecompressSync(bytes, inOnePiece(length)),
};
/** One byte more than is needed, or zlib would take a second piece to find the end. */
const inOnePiece = (length: number) => ({ maxOutputLength: length, chunkSize: Math.max(64, length + 1) });
/** Whether nothing else lies in the same memory. */
const isAlone = ({ byteOffset, buffer, length }: Uint8Array) => byteOffset === 0 && buffer.byteLength <= length + 1;

export const isKnownCodec = (codec: string) => Object.hasOwn(unpackers, codec);

/** A bit-packed run is padded to whole groups of eight; writers round up further. */
const PADDED_VALUES = 512;
const MAX_DELTA_BLOCK = 1024 * 1024;
const MAX_MINIBLOCKS = 1_024;

interface Reader {
  view: DataView;
  offset: number;
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const bitWidthOf = (level: number) => 32 - Math.clz32(level);

/**
 * The number of values that runs of the hybrid encoding have.
 * @throws RangeError: a run claims more values than the page has.
 */
function valuesOfRuns(bytes: Uint8Array, start: number, end: number, bitWidth: number, values: number): number {
  if (end > bytes.length || start > end) throw new RangeError('levels beyond the page');
  const reader = { view: viewOf(bytes), offset: start };
  let seen = 0;
  while (seen < values && reader.offset < end) {
    const run = readVarInt(reader) >>> 0;
    const count = run & 1 ? (run >>> 1) * 8 : run >>> 1;
    if (count > values + (run & 1 ? PADDED_VALUES : 0)) throw new RangeError('a run of more values than the page has');
    reader.offset += run & 1 ? (run >>> 1) * bitWidth : (bitWidth + 7) >> 3;
    seen += count;
  }
  return seen;
}

/** @throws RangeError: there is not a level for every value; hyparquet would go on reading behind the last. */
function checkLevels(bytes: Uint8Array, start: number, end: number, bitWidth: number, values: number): void {
  if (valuesOfRuns(bytes, start, end, bitWidth, values) < values) throw new RangeError('fewer levels than values');
}

function checkDelta(bytes: Uint8Array, start: number): void {
  const reader = { view: viewOf(bytes), offset: start };
  const block = readVarInt(reader);
  const miniblocks = readVarInt(reader);
  if (block < 1 || block > MAX_DELTA_BLOCK || miniblocks < 1 || miniblocks > MAX_MINIBLOCKS) throw new RangeError('delta blocks');
}

/** Prefixes of values that repeat those before them: small in the file, and as large as the values in memory. */
function checkPrefixes(bytes: Uint8Array, start: number, values: number): void {
  const reader: Reader = { view: viewOf(bytes), offset: start };
  const lengths = () => {
    checkDelta(bytes, reader.offset);
    const unpacked = new Int32Array(values);
    deltaBinaryUnpack(reader, values, unpacked);
    return unpacked;
  };
  const prefixes = lengths();
  const suffixes = lengths();
  let total = 0;
  let before = 0;
  for (let at = 0; at < values; at += 1) {
    const prefix = prefixes[at] as number;
    const suffix = suffixes[at] as number;
    if (prefix < 0 || suffix < 0 || prefix > before) throw new RangeError('length of a value');
    before = prefix + suffix;
    total += before;
    if (total > MAX_PARQUET_PAGE_BYTES) throw new RangeError('values larger than a page');
  }
}

/** What the values of a page are, for the checks of their encoding. */
interface PageValues {
  encoding: string;
  element: SchemaElement;
  /** Values and nulls. */
  count: number;
  /** Values alone; asked only where that matters, for it takes a look at every level. */
  present: () => number;
}

function checkValues(bytes: Uint8Array, start: number, { encoding, element, count, present }: PageValues): void {
  const isBoolean = element.type === 'BOOLEAN';
  if (encoding === 'RLE' || (isBoolean && encoding.endsWith('_DICTIONARY'))) valuesOfRuns(bytes, start + 4, bytes.length, 1, count);
  else if (encoding.endsWith('_DICTIONARY')) valuesOfRuns(bytes, start + 1, bytes.length, bytes[start] ?? 0, count);
  else if (encoding === 'DELTA_BINARY_PACKED' || encoding === 'DELTA_LENGTH_BYTE_ARRAY') checkDelta(bytes, start);
  else if (encoding === 'DELTA_BYTE_ARRAY') checkPrefixes(bytes, start, present());
  else if (encoding === 'BYTE_STREAM_SPLIT' && count * (element.type_length ?? 8) > 4 * MAX_PARQUET_PAGE_BYTES)
    throw new RangeError('length of values');
}

/** A page without compression, in memory of its own. */
export interface UnpackedPage {
  /** Says of the body what it is now. */
  header: PageHeader;
  body: Uint8Array;
}

/** @throws Error: damaged, or not `length` bytes. */
export function unpackedAtOnce(codec: string, bytes: Uint8Array, length: number): Uint8Array {
  if (length === 0) return new Uint8Array(0);
  const body = unpackers[codec]?.(bytes, length);
  if (body?.length !== length) throw new RangeError(`a page of ${body?.length} bytes instead of ${length}`);
  return body;
}

/** @throws Error: the page is damaged. */
export function unpackPage(header: PageHeader, packed: Uint8Array, codec: string, schemaPath: SchemaTree[]): UnpackedPage {
  const { data_page_header: first, data_page_header_v2: second, uncompressed_page_size: length } = header;
  // Levels of the second version lie before the data and are never compressed.
  const levels = second ? second.repetition_levels_byte_length + second.definition_levels_byte_length : 0;
  if (levels < 0 || levels > packed.length || levels > length) throw new RangeError('levels beyond the page');
  const data = unpackedAtOnce(second?.is_compressed === false ? 'UNCOMPRESSED' : codec, packed.subarray(levels), length - levels);
  const body = levels === 0 && isAlone(data) ? data : new Uint8Array(length);
  if (body !== data) {
    body.set(packed.subarray(0, levels));
    body.set(data, levels);
  }

  const repetition = bitWidthOf(getMaxRepetitionLevel(schemaPath));
  const highest = getMaxDefinitionLevel(schemaPath);
  const definition = bitWidthOf(highest);
  const { element } = schemaPath.at(-1) as SchemaTree;
  let start = levels;
  let definitionStart = 0;
  const presentValues = (values: number) => {
    if (definition === 0) return values;
    // Of a fixed length, so that nothing can be written behind its end.
    const found = new Uint8Array(values);
    const reader = { view: viewOf(body), offset: definitionStart };
    readRleBitPackedHybrid(reader, definition, found);
    return found.reduce((count, level) => count + (level === highest ? 1 : 0), 0);
  };
  if (first) {
    for (const width of [repetition, definition]) {
      if (width === 0) continue;
      definitionStart = start;
      const end = start + 4 + viewOf(body).getUint32(start, true);
      checkLevels(body, start + 4, end, width, first.num_values);
      start = end;
    }
    checkValues(body, start, {
      ...{ encoding: first.encoding, element, count: first.num_values },
      present: () => presentValues(first.num_values),
    });
  } else if (second) {
    const middle = second.repetition_levels_byte_length;
    if (repetition > 0) checkLevels(body, 0, middle, repetition, second.num_values);
    if (definition > 0) checkLevels(body, middle, levels, definition, second.num_values);
    if (second.num_nulls < 0 || second.num_nulls > second.num_values) throw new RangeError('nulls of a page');
    const count = second.num_values - second.num_nulls;
    checkValues(body, levels, { encoding: second.encoding, element, count, present: () => count });
  }
  return {
    body,
    header: { ...header, compressed_page_size: length, ...(second && { data_page_header_v2: { ...second, is_compressed: false } }) },
  };
}
