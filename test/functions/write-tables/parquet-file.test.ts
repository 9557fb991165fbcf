import { describe, expect, test } from '@jest/globals';
import { tableNames } from '../../../functions/shared/table-names.ts';
import type { ColumnType, TableRow } from '../../../functions/shared/tables.ts';
import { tables } from '../../../functions/shared/tables.ts';
import { ParquetFile } from '../../../functions/write-tables/parquet-file.ts';
import { duckDbTable, parquetRows, rowGroups } from './parquet-content.ts';

const duckDbTypes: Record<ColumnType, string> = {
  string: 'VARCHAR',
  int: 'INTEGER',
  bigint: 'BIGINT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  timestamp: 'TIMESTAMP',
};

const TIME = Date.UTC(2026, 10, 23, 12, 34, 56, 789);

/** A value of each type, as it is written and as both readers give it back. */
const written: Record<ColumnType, string | number | boolean> = {
  string: 'Grüße, "quoted"\n🦊',
  int: 7,
  bigint: 9_007_199_254_740_991,
  double: 0.1,
  boolean: true,
  timestamp: TIME,
};
const read: Record<ColumnType, unknown> = { ...written, bigint: 9_007_199_254_740_991n, timestamp: new Date(TIME) };

const rowOf = (name: (typeof tableNames)[number], values: Record<ColumnType, unknown> | null) =>
  Object.fromEntries(tables[name].columns.map((column) => [column.name, values ? values[column.type] : null]));

describe.each(tableNames)('%s', (name) => {
  const { columns } = tables[name];

  test('has the columns of its definition, values and nulls', async () => {
    const file = new ParquetFile(tables[name]);
    file.add(rowOf(name, written) as TableRow);
    file.add(rowOf(name, null) as TableRow);
    const bytes = file.close();
    expect(await parquetRows(bytes)).toEqual([rowOf(name, read), rowOf(name, null)]);
    const table = await duckDbTable(bytes);
    expect(table.columns).toEqual(columns.map((column) => ({ name: column.name, type: duckDbTypes[column.type] })));
    expect(table.rows).toEqual([rowOf(name, read), rowOf(name, null)]);
  });

  test('a row that lacks a column is an error that names it', () => {
    const column = columns.at(-1)?.name as string;
    const { [column]: _, ...row } = rowOf(name, written) as TableRow;
    expect(() => new ParquetFile(tables[name]).add(row)).toThrow(column);
  });
});

test('25,000 rows come back in order, over the borders of row groups', async () => {
  const rowAt = (row: number): TableRow => ({
    ...{ run_id: 'run', dataset: 'd', source_key: 'k', row_number: row, line: row + 2, reason: row % 2 ? 'empty_text' : 'invalid_json' },
    raw: row % 3 ? `raw ${row}` : null,
  });
  const file = new ParquetFile(tables.rejected_rows);
  for (let row = 0; row < 25_000; row++) file.add(rowAt(row));
  const bytes = file.close();
  expect(file.rows).toBe(25_000);
  expect(rowGroups(bytes)).toEqual([10_000, 10_000, 5_000]);
  const rows = await parquetRows(bytes);
  expect(rows).toHaveLength(25_000);
  expect(
    rows.findIndex((row, index) => row.row_number !== BigInt(index) || row.raw !== rowAt(index).raw || row.reason !== rowAt(index).reason),
  ).toBe(-1);
  expect((await duckDbTable(bytes)).rows.map((row) => row.row_number)).toEqual(rows.map((row) => row.row_number));
});

test('a file without rows can be read', async () => {
  const bytes = new ParquetFile(tables.rejected_rows).close();
  expect(await parquetRows(bytes)).toEqual([]);
  expect((await duckDbTable(bytes)).rows).toEqual([]);
});
