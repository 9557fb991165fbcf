import type { DecodedArray, SchemaTree } from 'hyparquet';
import { assembleNested } from 'hyparquet/src/assemble.js';
import { parquetHeader, readPage } from 'hyparquet/src/column.js';
import { convert } from 'hyparquet/src/convert.js';
import { getTreePath, isFlatColumn } from 'hyparquet/src/schema.js';
import { InvalidUploadError } from '../../shared/errors.ts';
import { MAX_PARQUET_NESTED_BYTES, MAX_PARQUET_PAGE_BYTES, MAX_PARQUET_PAGE_VALUES } from '../../shared/limits.ts';
import { type ColumnMetaData, type ParquetFile, refuseDamagedParquet } from './parquet-file.ts';
import { type PageHeader, unpackPage } from './parquet-page.ts';
import { parsersOf, readingOf } from './parquet-values.ts';

/**
 * The columns of one row group, page by page: hyparquet decodes a page, but its readers hold the whole row group, which with the usual
 * million rows is more than memory.
 */

type Decoder = Parameters<typeof readPage>[2];

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

  skip(length: number): void {
    this.#bytes = this.#bytes.subarray(length);
    this.#at += length;
  }
}

interface Page {
  header: PageHeader;
  /** Rows or, in a nested column, values. */
  values: number;
  /** Body of the page, whole. */
  body: Buffer;
}

const refuseLarge = (fileName: string, name: string, what: string): never => {
  throw new InvalidUploadError(`${fileName} has ${what} in column "${name}"; write it again in smaller row groups and drop that.`, {
    code: 'parquet_too_large',
  });
};

async function* pagesOf(file: ParquetFile, meta: ColumnMetaData): AsyncGenerator<Page> {
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
    if (!(packed >= 0 && unpacked >= 0) || (values !== undefined && !(values >= 0))) damaged();
    if (Math.max(packed, unpacked) > MAX_PARQUET_PAGE_BYTES) {
      refuseLarge(file.fileName, name, `a page of more than ${MAX_PARQUET_PAGE_BYTES / 1024 ** 2} MiB`);
    }
    if ((values ?? 0) > MAX_PARQUET_PAGE_VALUES) {
      refuseLarge(file.fileName, name, `a page of more than ${MAX_PARQUET_PAGE_VALUES.toLocaleString('en')} values`);
    }
    column.skip(reader.offset);
    if (packed > column.left) damaged();
    const body = (await column.peek(packed)).subarray(0, packed);
    column.skip(packed);
    yield { header, values: values ?? 0, body };
  }
}

/** Decodes the pages of one column, in order. */
class PageDecoder {
  readonly #file: ParquetFile;
  readonly #codec: string;
  readonly #decoder: Decoder;
  readonly #finish: ((value: unknown) => unknown) | null;
  #dictionary: DecodedArray | undefined;

  constructor(file: ParquetFile, meta: ColumnMetaData) {
    const schemaPath = getTreePath(file.schema, meta.path_in_schema);
    const written = (schemaPath.at(-1) as SchemaTree).element;
    const { element, utf8, finish } = readingOf(written);
    this.#file = file;
    this.#codec = meta.codec;
    this.#finish = finish;
    // Pages come unpacked.
    this.#decoder = {
      ...{ pathInSchema: meta.path_in_schema, type: meta.type, codec: 'UNCOMPRESSED', element, schemaPath, utf8 },
      parsers: parsersOf(written),
    };
  }

  /** The values of a data page; `previous`, continued where a nested row goes on in this page. undefined: a page without values. */
  decode({ header: packedHeader, values, body: packed }: Page, previous?: DecodedArray): DecodedArray | undefined {
    if (packedHeader.type === 'INDEX_PAGE') return undefined;
    try {
      const { header, body } = unpackPage(packedHeader, packed, this.#codec, this.#decoder.schemaPath);
      const reader = { view: new DataView(body.buffer), offset: 0 };
      if (header.type === 'DICTIONARY_PAGE') {
        if (values > body.length) throw new RangeError('more values than bytes');
        const { data } = readPage(reader, header, this.#decoder, undefined, undefined, 0);
        this.#dictionary = data && convert(data, this.#decoder);
        return undefined;
      }
      if (values === 0) return undefined;
      const { encoding } = (header.data_page_header ?? header.data_page_header_v2) as { encoding: string };
      if (encoding.endsWith('_DICTIONARY') && this.#dictionary === undefined) throw new RangeError('no dictionary');
      return readPage(reader, header, this.#decoder, this.#dictionary, previous, 0).data;
    } catch (error) {
      return refuseDamagedParquet(this.#file.fileName, `column "${this.#decoder.pathInSchema.join('.')}"`, error);
    }
  }

  /** Values as ours, also those within lists. */
  finished = (value: unknown): unknown => {
    if (this.#finish === null || value === null || value === undefined) return value;
    return Array.isArray(value) ? value.map(this.finished) : this.#finish(value);
  };
}

/** A column of one row group, read forward. */
export interface ColumnCursor {
  /** Makes at least one value available. @throws InvalidUploadError: the column ends too early, or is damaged. */
  fill(): Promise<void>;
  /** How many values are available. */
  available(): number;
  /** The value `offset` values on. */
  at(offset: number): unknown;
  advance(count: number): void;
  close(): Promise<void>;
}

/** Values in hand. */
abstract class Values implements ColumnCursor {
  #values: ArrayLike<unknown> = [];
  #next = 0;

  protected replace(values: ArrayLike<unknown>, next = 0): void {
    this.#values = values;
    this.#next = next;
  }

  abstract fill(): Promise<void>;
  abstract close(): Promise<void>;
  available = () => this.#values.length - this.#next;
  at(offset: number): unknown {
    return this.#values[this.#next + offset];
  }

  advance(count: number): void {
    this.#next += count;
  }
}

/** A column of single values: a page at a time. */
class FlatColumn extends Values {
  readonly #file: ParquetFile;
  readonly #name: string;
  readonly #pages: AsyncGenerator<Page>;
  readonly #decoder: PageDecoder;
  #skip: number;

  constructor(file: ParquetFile, meta: ColumnMetaData, skipRows: number) {
    super();
    this.#file = file;
    this.#name = meta.path_in_schema.join('.');
    this.#pages = pagesOf(file, meta);
    this.#decoder = new PageDecoder(file, meta);
    this.#skip = skipRows;
  }

  async fill(): Promise<void> {
    while (this.available() === 0) {
      const { value: page, done } = await this.#pages.next();
      if (done) refuseDamagedParquet(this.#file.fileName, `column "${this.#name}" has fewer values than rows`);
      if (page.header.type !== 'DICTIONARY_PAGE' && this.#skip >= page.values) {
        this.#skip -= page.values;
        continue;
      }
      const values = this.#decoder.decode(page);
      if (values === undefined) continue;
      if (values.length !== page.values) refuseDamagedParquet(this.#file.fileName, `column "${this.#name}"`);
      this.replace(values, this.#skip);
      this.#skip = 0;
    }
  }

  override at(offset: number): unknown {
    const value = super.at(offset);
    // An entry that the dictionary does not have; what is missing is null.
    if (value === undefined) refuseDamagedParquet(this.#file.fileName, `column "${this.#name}"`);
    return this.#decoder.finished(value);
  }

  close = async () => void (await this.#pages.return(undefined));
}

/** A column of lists, maps or structs: the leaves below it are assembled for the row group at once. */
class NestedColumn extends Values {
  readonly #file: ParquetFile;
  readonly #column: SchemaTree;
  readonly #leaves: readonly ColumnMetaData[];
  readonly #rows: number;
  readonly #skipRows: number;

  constructor(
    file: ParquetFile,
    column: SchemaTree,
    { leaves, rows, skipRows }: { leaves: readonly ColumnMetaData[]; rows: number; skipRows: number },
  ) {
    super();
    this.#file = file;
    this.#column = column;
    this.#leaves = leaves;
    this.#rows = rows;
    this.#skipRows = skipRows;
  }

  async fill(): Promise<void> {
    if (this.available() > 0) return;
    const { name } = this.#column.element;
    const assembled = new Map<string, DecodedArray>();
    let bytes = 0;
    for (const meta of this.#leaves) {
      const decoder = new PageDecoder(this.#file, meta);
      let values: DecodedArray = [];
      for await (const page of pagesOf(this.#file, meta)) {
        bytes += page.header.uncompressed_page_size;
        if (bytes > MAX_PARQUET_NESTED_BYTES) {
          refuseLarge(this.#file.fileName, name, `nested values of more than ${MAX_PARQUET_NESTED_BYTES / 1024 ** 2} MiB in one row group`);
        }
        const decoded = decoder.decode(page, values);
        // Pages without nesting come as arrays of their own.
        if (decoded !== undefined && decoded !== values) values = values.length === 0 ? decoded : [...values, ...decoded];
      }
      assembled.set(meta.path_in_schema.join('.'), Array.from(values, decoder.finished));
    }
    try {
      assembleNested(assembled, this.#column, parsersOf(this.#column.element));
    } catch (error) {
      refuseDamagedParquet(this.#file.fileName, `column "${name}"`, error);
    }
    const rows = assembled.get(this.#column.path.join('.'));
    if (rows?.length !== this.#rows) refuseDamagedParquet(this.#file.fileName, `column "${name}" has not as many values as there are rows`);
    this.replace(rows, this.#skipRows);
  }

  close = async () => {};
}

/** A cursor over a column of the schema in one row group, behind its first rows. */
export function columnCursor(
  file: ParquetFile,
  column: SchemaTree,
  { rows, columns }: ParquetFile['rowGroups'][number],
  skipRows: number,
): ColumnCursor {
  const leaves = columns.filter(({ path_in_schema }) => path_in_schema[0] === column.element.name);
  const [only] = leaves;
  if (only === undefined) return refuseDamagedParquet(file.fileName, `column "${column.element.name}" is missing`);
  return isFlatColumn([file.schema, column])
    ? new FlatColumn(file, only, skipRows)
    : new NestedColumn(file, column, { leaves, rows, skipRows });
}
