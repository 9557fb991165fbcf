import type { DecodedArray, SchemaTree } from 'hyparquet';
import { assembleNested } from 'hyparquet/src/assemble.js';
import { isFlatColumn } from 'hyparquet/src/schema.js';
import { MAX_PARQUET_NESTED_BYTES } from '../../shared/limits.ts';
import { PageDecoder } from './parquet-decoder.ts';
import { type ColumnMetaData, type ParquetFile, refuseDamagedParquet } from './parquet-file.ts';
import { type Page, pagesOf, refuseLarge } from './parquet-pages.ts';
import { parsersOf } from './parquet-values.ts';

/**
 * The columns of one row group, page by page: hyparquet decodes a page, but its readers hold the whole row group, which with the usual
 * million rows is more than memory.
 */

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
  #pieces: AsyncGenerator<ArrayLike<unknown>> | undefined;
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
      const piece = await this.#pieces?.next();
      if (piece && !piece.done) {
        const skipped = Math.min(this.#skip, piece.value.length);
        this.#skip -= skipped;
        this.replace(piece.value, skipped);
        continue;
      }
      const { value: page, done } = await this.#pages.next();
      if (done) refuseDamagedParquet(this.#file.fileName, `column "${this.#name}" has fewer values than rows`);
      this.#pieces = undefined;
      if (page.header.type === 'DICTIONARY_PAGE') await this.#decoder.decode(page);
      else if (this.#skip >= page.values) this.#skip -= page.values;
      else this.#pieces = this.#decoder.pieces(page);
    }
  }

  override at(offset: number): unknown {
    const value = super.at(offset);
    // An entry that the dictionary does not have; what is missing is null.
    if (value === undefined) refuseDamagedParquet(this.#file.fileName, `column "${this.#name}"`);
    return this.#decoder.finished(value);
  }

  async close(): Promise<void> {
    await this.#pieces?.return(undefined);
    await this.#pages.return(undefined);
  }
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
        const decoded = await decoder.decode(page, values);
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
