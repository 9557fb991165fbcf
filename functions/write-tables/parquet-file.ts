import { zstdCompressSync } from 'node:zlib';
import type { SchemaElement } from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { Column, ColumnType, Table, TableRow } from '../shared/tables.ts';

/** Rows that are turned into columns at once. Bounds memory; large enough for dictionaries and for skipping by statistics. */
const ROW_GROUP_ROWS = 10_000;

/** Bytes kept of the lowest and highest text of a row group: a whole run id, the beginning of a long text. */
const STATISTICS_BYTES = 64;

const elements: Record<ColumnType, Pick<SchemaElement, 'type' | 'converted_type' | 'logical_type'>> = {
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  int: { type: 'INT32' },
  bigint: { type: 'INT64' },
  double: { type: 'DOUBLE' },
  boolean: { type: 'BOOLEAN' },
  // Without a logical type the annotation reads as a timestamp without a time zone everywhere; the values are UTC.
  timestamp: { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' },
};

const schemaOf = (table: Table): SchemaElement[] => [
  { name: 'schema', num_children: table.columns.length },
  ...table.columns.map((column): SchemaElement => ({ name: column.name, repetition_type: 'OPTIONAL', ...elements[column.type] })),
];

/** A value as the writer takes it: 64-bit integers and timestamps are bigints. */
function encode(column: Column, value: TableRow[string] | undefined) {
  if (value === undefined) throw new Error(`Column ${column.name} has no value`);
  return value !== null && (column.type === 'bigint' || column.type === 'timestamp') ? BigInt(value) : value;
}

const compressors = { ZSTD: (input: Uint8Array) => zstdCompressSync(input) };

/** One Parquet file of a table under construction, held compressed. The same rows give the same bytes. */
export class ParquetFile {
  rows = 0;
  /** Is shown every row that the file gets. */
  onRow: ((row: TableRow) => void) | undefined;
  private readonly table: Table;
  private readonly bytes = new ByteWriter(64 * 1024);
  private readonly writer: ParquetWriter;
  private columns: unknown[][];
  private pending = 0;

  constructor(table: Table) {
    this.table = table;
    this.writer = new ParquetWriter({
      writer: this.bytes,
      schema: schemaOf(table),
      codec: 'ZSTD',
      compressors,
      statistics: true,
      statisticsTruncateLength: STATISTICS_BYTES,
      createdBy: 'hundredfold',
    });
    this.columns = table.columns.map(() => []);
  }

  add(row: TableRow): void {
    this.table.columns.forEach((column, index) => {
      this.columns[index]?.push(encode(column, row[column.name]));
    });
    this.rows++;
    this.onRow?.(row);
    if (++this.pending === ROW_GROUP_ROWS) this.endRowGroup();
  }

  private endRowGroup() {
    if (this.pending === 0) return;
    const columnData = this.table.columns.map((column, index) => ({ name: column.name, data: this.columns[index] ?? [] }));
    void this.writer.write({ columnData, rowGroupSize: this.pending });
    this.columns = this.table.columns.map(() => []);
    this.pending = 0;
  }

  /** @returns the whole file. */
  close(): Uint8Array {
    this.endRowGroup();
    void this.writer.finish();
    return this.bytes.getBytes();
  }
}
