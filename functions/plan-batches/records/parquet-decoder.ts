import type { DecodedArray, SchemaTree } from 'hyparquet';
import { readPage } from 'hyparquet/src/column.js';
import { convert } from 'hyparquet/src/convert.js';
import { getMaxDefinitionLevel, getTreePath } from 'hyparquet/src/schema.js';
import { type ColumnMetaData, type ParquetFile, refuseDamagedParquet } from './parquet-file.ts';
import { unpackPage } from './parquet-page.ts';
import type { Page } from './parquet-pages.ts';
import { isReadInPieces, type ValueShape, valuePieces } from './parquet-pieces.ts';
import { isDamage } from './parquet-unpacking.ts';
import { parsersOf, readingOf } from './parquet-values.ts';

type Decoder = Parameters<typeof readPage>[2];

/** Decodes the pages of one column, in order. */
export class PageDecoder {
  readonly #file: ParquetFile;
  readonly #codec: string;
  readonly #decoder: Decoder;
  readonly #finish: ((value: unknown) => unknown) | null;
  readonly #shape: ValueShape;
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
    this.#shape = {
      ...{ codec: meta.codec, type: meta.type, typeLength: element.type_length, isNullable: getMaxDefinitionLevel(schemaPath) > 0 },
      convert: (values) => convert(values, this.#decoder),
    };
  }

  /** The values of a data page of single values, in pieces. */
  async *pieces(page: Page): AsyncGenerator<ArrayLike<unknown>> {
    if (!isReadInPieces(page, this.#shape)) {
      const values = await this.decode(page);
      if (values === undefined) return;
      if (values.length !== page.values) this.#refuse();
      return yield values;
    }
    try {
      yield* valuePieces(page, this.#shape, this.#dictionary);
    } catch (error) {
      if (isDamage(error)) this.#refuse(error);
      throw error;
    }
  }

  #refuse(cause?: unknown): never {
    return refuseDamagedParquet(this.#file.fileName, `column "${this.#decoder.pathInSchema.join('.')}"`, cause);
  }

  /** The values of a data page; `previous`, continued where a nested row goes on in this page. undefined: a page without values. */
  async decode({ header: packedHeader, values, body: packedBody }: Page, previous?: DecodedArray): Promise<DecodedArray | undefined> {
    if (packedHeader.type === 'INDEX_PAGE') return undefined;
    const packed = await packedBody();
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
