import type { DecodedArray, SchemaTree } from 'hyparquet';
import { readPage } from 'hyparquet/src/column.js';
import { convert } from 'hyparquet/src/convert.js';
import { getTreePath } from 'hyparquet/src/schema.js';
import { type ColumnMetaData, type ParquetFile, refuseDamagedParquet } from './parquet-file.ts';
import { type UnpackedPage, unpackPage } from './parquet-page.ts';
import type { Page } from './parquet-pages.ts';
import { parsersOf, readingOf } from './parquet-values.ts';

type Decoder = Parameters<typeof readPage>[2];

/**
 * The values of a page of plain byte arrays, some at a time: all at once they take several times the memory of the page, and there are
 * writers that put a million rows into one.
 */
class PlainBytes {
  readonly #view: DataView<ArrayBuffer>;
  readonly #presence: Uint8Array | undefined;
  readonly #count: number;
  #row = 0;
  #at: number;

  constructor({ body, valuesStart, presence }: UnpackedPage, count: number) {
    this.#view = new DataView(body.buffer as ArrayBuffer, body.byteOffset, body.length);
    this.#presence = presence();
    this.#count = count;
    this.#at = valuesStart;
  }

  /** The next values, `limit` at most; null for a null. */
  take(limit: number): (Uint8Array | null)[] {
    const end = Math.min(this.#count, this.#row + limit);
    const values: (Uint8Array | null)[] = [];
    for (; this.#row < end; this.#row += 1) {
      if (this.#presence?.[this.#row] === 0) {
        values.push(null);
        continue;
      }
      const length = this.#view.getUint32(this.#at, true);
      const start = this.#at + 4;
      if (start + length > this.#view.byteLength) throw new RangeError('length of a value');
      values.push(new Uint8Array(this.#view.buffer, this.#view.byteOffset + start, length));
      this.#at = start + length;
    }
    return values;
  }
}

/** Values that are decoded at once. */
const DECODED_VALUES = 1_024;

/** Decodes the pages of one column, in order. */
export class PageDecoder {
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

  /** The values of a data page of single values behind the first `skip`, in pieces. The page as it was fetched is let go of. */
  pieces(page: Page, skip: number): Iterator<ArrayLike<unknown>> {
    const encoding = (page.header.data_page_header ?? page.header.data_page_header_v2)?.encoding;
    if (encoding === 'PLAIN' && this.#decoder.type === 'BYTE_ARRAY') {
      try {
        return this.#plainPieces(
          new PlainBytes(unpackPage(page.header, page.body, this.#codec, this.#decoder.schemaPath), page.values),
          skip,
        );
      } catch (error) {
        return this.#refuse(error);
      }
    }
    const values = this.decode(page);
    if (values === undefined) return [].values();
    if (values.length !== page.values) this.#refuse();
    return [Array.isArray(values) ? values.slice(skip) : values.subarray(skip)].values();
  }

  *#plainPieces(plain: PlainBytes, skip: number): Generator<ArrayLike<unknown>> {
    try {
      for (let left = skip; left > 0; left -= DECODED_VALUES) plain.take(Math.min(left, DECODED_VALUES));
      for (let values = plain.take(DECODED_VALUES); values.length > 0; values = plain.take(DECODED_VALUES)) {
        const present = convert(
          values.filter((value) => value !== null),
          this.#decoder,
        );
        let at = 0;
        yield values.map((value) => (value === null ? null : present[at++]));
      }
    } catch (error) {
      this.#refuse(error);
    }
  }

  #refuse(cause?: unknown): never {
    return refuseDamagedParquet(this.#file.fileName, `column "${this.#decoder.pathInSchema.join('.')}"`, cause);
  }

  /** The values of a data page; `previous`, continued where a nested row goes on in this page. undefined: a page without values. */
  decode({ header: packedHeader, values, body: packed }: Page, previous?: DecodedArray): DecodedArray | undefined {
    if (packedHeader.type === 'INDEX_PAGE') return undefined;
    try {
      const { header, body } = unpackPage(packedHeader, packed, this.#codec, this.#decoder.schemaPath);
      const reader = { view: new DataView(body.buffer, body.byteOffset, body.length), offset: 0 };
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
      return this.#refuse(error);
    }
  }

  /** Values as ours, also those within lists. */
  finished = (value: unknown): unknown => {
    if (this.#finish === null || value === null || value === undefined) return value;
    if (Array.isArray(value)) return value.map(this.finished);
    try {
      return this.#finish(value);
    } catch (error) {
      // A decimal in a type that holds none.
      return this.#refuse(error);
    }
  };
}
