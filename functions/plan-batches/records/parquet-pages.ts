import { parquetHeader } from 'hyparquet/src/column.js';
import { InvalidUploadError } from '../../shared/errors.ts';
import { MAX_PARQUET_PAGE_BYTES, MAX_PARQUET_PAGE_VALUES } from '../../shared/limits.ts';
import { type ColumnMetaData, type ParquetFile, refuseDamagedParquet } from './parquet-file.ts';
import type { PageHeader } from './parquet-page.ts';

/** Bytes fetched at once, a page that is larger aside. */
const FETCH_BYTES = 1024 * 1024;
/** Longest page header; statistics in it hold whole values. */
const MAX_HEADER_BYTES = 16 * 1024 * 1024;

/** Bytes of a column, fetched as they are needed; none is overwritten, because decoded values may lie in them. */
class ColumnBytes {
  readonly #file: ParquetFile;
  readonly #end: number;
  #at: number;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(file: ParquetFile, start: number, end: number) {
    this.#file = file;
    this.#at = start;
    this.#end = end;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  /** At least `length` bytes from here on, or all that are left. */
  async peek(length: number): Promise<Buffer> {
    const wanted = Math.min(length, this.left);
    if (this.#bytes.length < wanted) {
      const start = this.#at + this.#bytes.length;
      const end = Math.min(this.#at + Math.max(wanted, FETCH_BYTES), this.#end);
      this.#bytes = Buffer.concat([this.#bytes, await this.#file.read(start, end)]);
    }
    return this.#bytes;
  }

  /** Goes on behind bytes, whether they were fetched or not. */
  skip(length: number): void {
    // A view of nothing would keep all that was fetched.
    this.#bytes = length >= this.#bytes.length ? Buffer.alloc(0) : this.#bytes.subarray(length);
    this.#at += length;
  }

  /** The next bytes, as they are fetched. */
  async *chunks(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0; ) {
      const chunk = (await this.peek(1)).subarray(0, left);
      this.skip(chunk.length);
      left -= chunk.length;
      yield chunk;
    }
  }
}

export interface Page {
  header: PageHeader;
  /** Rows or, in a nested column, values. */
  values: number;
  /** Body of the page, whole. Of this and `chunks` one may be asked for, once, before the next page is. */
  body(): Promise<Buffer>;
  /** Body of the page, as it is fetched. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** @throws InvalidUploadError always. */
export const refuseLarge = (fileName: string, name: string, what: string): never => {
  throw new InvalidUploadError(`${fileName} has ${what} in column "${name}"; write it again in smaller row groups and drop that.`, {
    code: 'parquet_too_large',
  });
};

/** The pages of a column in one row group, those of its dictionary too. */
export async function* pagesOf(file: ParquetFile, meta: ColumnMetaData): AsyncGenerator<Page> {
  const name = meta.path_in_schema.join('.');
  const damaged = (cause?: unknown) => refuseDamagedParquet(file.fileName, `column "${name}"`, cause);
  const start = Number(meta.dictionary_page_offset || meta.data_page_offset);
  const column = new ColumnBytes(file, start, start + Number(meta.total_compressed_size));
  let headerBytes = 4 * 1024;
  while (column.left > 0) {
    const bytes = await column.peek(headerBytes);
    const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), offset: 0 };
    let header: PageHeader;
    try {
      header = parquetHeader(reader);
    } catch (error) {
      if (bytes.length >= column.left || headerBytes >= MAX_HEADER_BYTES) damaged(error);
      headerBytes = Math.max(headerBytes, bytes.length) * 4;
      continue;
    }
    const { compressed_page_size: packed, uncompressed_page_size: unpacked } = header;
    const values =
      header.data_page_header?.num_values ?? header.data_page_header_v2?.num_values ?? header.dictionary_page_header?.num_values;
    if (![packed, unpacked, values ?? 0].every((count) => Number.isInteger(count) && count >= 0)) damaged();
    if (Math.max(packed, unpacked) > MAX_PARQUET_PAGE_BYTES) {
      refuseLarge(file.fileName, name, `a page of more than ${MAX_PARQUET_PAGE_BYTES / 1024 ** 2} MiB`);
    }
    if ((values ?? 0) > MAX_PARQUET_PAGE_VALUES) {
      refuseLarge(file.fileName, name, `a page of more than ${MAX_PARQUET_PAGE_VALUES.toLocaleString('en')} values`);
    }
    column.skip(reader.offset);
    if (packed > column.left) damaged();
    const left = column.left - packed;
    yield {
      ...{ header, values: values ?? 0 },
      body: async () => (await column.peek(packed)).subarray(0, packed),
      chunks: () => column.chunks(packed),
    };
    column.skip(column.left - left);
  }
}
