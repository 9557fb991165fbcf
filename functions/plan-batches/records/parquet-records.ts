import { MAX_RECORD_BYTES, RAW_CHARACTERS } from '../../shared/limits.ts';
import type { Position } from '../upload.ts';
import { firstCharacters } from '../upload-text.ts';
import { uniqueNames } from './csv-header.ts';
import { columnCursor } from './parquet-column.ts';
import { openParquet } from './parquet-file.ts';
import { parquetJson, parquetText } from './parquet-values.ts';
import { type Fields, type RecordFormat, setOwn, type UploadRecord, type UploadSource } from './record-format.ts';

/** Rows that are handed on together, at most. */
const BLOCK_ROWS = 1_024;

/** @param record number of the record in this file; `rowNumber` goes on over the files of a folder. */
const positionOf = (record: number, rowNumber: number): Position => ({ byte: record, line: record + 1, rowNumber });

class ParquetFields implements Fields {
  readonly #columns: ReadonlyMap<string, number>;
  readonly #values: readonly unknown[];

  constructor(columns: ReadonlyMap<string, number>, values: readonly unknown[]) {
    this.#columns = columns;
    this.#values = values;
  }

  names(): readonly string[] {
    return [...this.#columns.keys()];
  }

  text(column: string): string {
    return parquetText(this.#values[this.#columns.get(column) ?? -1]);
  }

  except(columns: ReadonlySet<string>): Record<string, unknown> {
    const rest: Record<string, unknown> = {};
    for (const [name, index] of this.#columns) if (!columns.has(name)) setOwn(rest, name, parquetJson(this.#values[index]));
    return rest;
  }
}

/**
 * The reader for a Parquet file. A record has no place in the bytes: its number stands for it, and reading goes on by number.
 * @throws InvalidUploadError: the file's footer cannot be read. Reading throws it where a page cannot.
 */
export async function parquetRecords(source: UploadSource, fileName: string): Promise<RecordFormat> {
  const file = await openParquet(source, fileName);
  const columns = file.schema.children;
  const names = uniqueNames(columns.map(({ element }) => element.name));
  const indexes = new Map(names.map((name, index) => [name, index]));
  const rawOf = (fields: Fields) => firstCharacters(JSON.stringify(fields.except(new Set())).slice(0, MAX_RECORD_BYTES), RAW_CHARACTERS);

  const recordOf = (record: number, rowNumber: number, values: readonly unknown[]): UploadRecord => {
    const fields = new ParquetFields(indexes, values);
    return {
      position: positionOf(record, rowNumber),
      next: positionOf(record + 1, rowNumber + 1),
      raw: () => rawOf(fields),
      reason: null,
      fields,
    };
  };

  async function* recordsOf(group: (typeof file.rowGroups)[number], groupStart: number, skipRows: number, rowsBefore: number) {
    const cursors = columns.map((column) => columnCursor(file, column, group, skipRows));
    try {
      for (let row = skipRows; row < group.rows; ) {
        await Promise.all(cursors.map((cursor) => cursor.fill()));
        const count = Math.min(BLOCK_ROWS, group.rows - row, ...cursors.map((cursor) => cursor.available()));
        const at = groupStart + row;
        yield Array.from({ length: count }, (_, index) => {
          return recordOf(
            at + index,
            rowsBefore + at + index,
            cursors.map((cursor) => cursor.at(index)),
          );
        });
        for (const cursor of cursors) cursor.advance(count);
        row += count;
      }
    } finally {
      await Promise.all(cursors.map((cursor) => cursor.close()));
    }
  }

  return {
    format: 'parquet',
    delimiter: null,
    header: names,
    notes: [],
    start: positionOf(0, 0),
    remedy: 'write it again',
    async *records(from) {
      let groupStart = 0;
      for (const group of file.rowGroups) {
        const skipRows = Math.max(0, from.byte - groupStart);
        if (skipRows < group.rows) yield* recordsOf(group, groupStart, skipRows, from.rowNumber - from.byte);
        groupStart += group.rows;
      }
    },
  };
}
