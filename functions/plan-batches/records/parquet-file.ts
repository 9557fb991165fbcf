import { type FileMetaData, parquetMetadata, parquetSchema, type SchemaTree } from 'hyparquet';
import { getTreePath } from 'hyparquet/src/schema.js';
import { InvalidUploadError } from '../../shared/errors.ts';
import { MAX_PARQUET_FOOTER_BYTES } from '../../shared/limits.ts';
import { isKnownCodec } from './parquet-page.ts';
import type { UploadSource } from './record-format.ts';

type RowGroup = FileMetaData['row_groups'][number];
export type ColumnMetaData = NonNullable<RowGroup['columns'][number]['meta_data']>;

const MAGIC = Buffer.from('PAR1');
/** The footer's length and the magic after it. */
const TAIL_BYTES = 8;

/** A Parquet file whose footer has been read and can be believed as far as that can be told without its pages. */
export interface ParquetFile {
  fileName: string;
  schema: SchemaTree;
  rowGroups: readonly { rows: number; columns: readonly ColumnMetaData[] }[];
  /** Bytes `[start, end)`. @throws InvalidUploadError: the file does not have them. */
  read(start: number, end: number): Promise<Buffer>;
}

/** @throws InvalidUploadError always: pages or footer are not what the format says. */
export function refuseDamagedParquet(fileName: string, what: string, cause?: unknown): never {
  throw new InvalidUploadError(
    `${fileName} is a Parquet file that is cut short, damaged or written in a way that is not read (${what}); write it again and drop that.`,
    { code: 'damaged_parquet', cause },
  );
}

async function readRange(source: UploadSource, start: number, end: number): Promise<Buffer> {
  if (source.read) {
    const bytes = await source.read(start, end);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source.open(start)) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= end - start) break;
  }
  return Buffer.concat(chunks).subarray(0, end - start);
}

const isCount = (value: number, limit = Number.MAX_SAFE_INTEGER) => Number.isSafeInteger(value) && value >= 0 && value <= limit;

function rowGroupOf({ num_rows, columns }: RowGroup, fileBytes: number): { rows: number; columns: ColumnMetaData[] } {
  const rows = Number(num_rows);
  if (!isCount(rows)) throw new RangeError('rows of a row group');
  return {
    rows,
    columns: columns.map(({ file_path, meta_data }) => {
      if (file_path || !meta_data) throw new RangeError('column in another file');
      const start = Number(meta_data.dictionary_page_offset || meta_data.data_page_offset);
      const bytes = Number(meta_data.total_compressed_size);
      if (!isCount(start, fileBytes) || !isCount(bytes, fileBytes - start)) throw new RangeError('place of a column');
      return meta_data;
    }),
  };
}

/**
 * A Parquet file, its footer read by two ranged reads.
 * @throws InvalidUploadError: it has no readable footer, or a codec that is not read.
 */
export async function openParquet(source: UploadSource, fileName: string): Promise<ParquetFile> {
  const read = async (start: number, end: number) => {
    if (start < 0 || end > source.bytes) refuseDamagedParquet(fileName, 'it ends too early');
    const bytes = await readRange(source, start, end);
    if (bytes.length !== end - start) refuseDamagedParquet(fileName, 'it ends too early');
    return bytes;
  };
  const tail = await read(source.bytes - TAIL_BYTES, source.bytes);
  const footerBytes = tail.readUInt32LE(0);
  if (!tail.subarray(4).equals(MAGIC)) refuseDamagedParquet(fileName, 'there is no footer');
  if (footerBytes > MAX_PARQUET_FOOTER_BYTES) refuseDamagedParquet(fileName, `the footer has ${footerBytes} bytes`);
  const footer = await read(source.bytes - TAIL_BYTES - footerBytes, source.bytes);
  let file: ParquetFile;
  try {
    const metadata = parquetMetadata(footer, { geoparquet: false });
    const rowGroups = metadata.row_groups.map((group) => rowGroupOf(group, source.bytes));
    const schema = parquetSchema(metadata);
    for (const { name } of metadata.schema) if (typeof name !== 'string') throw new RangeError('name of a column');
    for (const { path_in_schema } of rowGroups.flatMap(({ columns }) => columns)) getTreePath(schema, path_in_schema);
    file = { fileName, schema, rowGroups, read };
  } catch (error) {
    refuseDamagedParquet(fileName, 'its footer', error);
  }
  const unknown = file.rowGroups.flatMap(({ columns }) => columns).find(({ codec }) => !isKnownCodec(codec));
  if (unknown) {
    throw new InvalidUploadError(
      `${fileName} is a Parquet file compressed with ${unknown.codec}; write it with Snappy, gzip, zstd, Brotli or no compression and drop that.`,
      { code: 'parquet_codec' },
    );
  }
  return file;
}
