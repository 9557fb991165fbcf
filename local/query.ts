import { globSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance, type Json } from '@duckdb/node-api';
import { tablePrefix } from '../functions/shared/object-keys.ts';
import { DATE_PARTITION, tableNames } from '../functions/shared/table-names.ts';
import { type ColumnType, type Table, tables } from '../functions/shared/tables.ts';
import { jsonValue } from './json-values.ts';

const sqlTypes: Record<ColumnType, string> = {
  string: 'VARCHAR',
  int: 'INTEGER',
  bigint: 'BIGINT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  timestamp: 'TIMESTAMP',
};

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
/** A folder's path in a glob of DuckDB, its characters meant as they are. */
const globEscaped = (path: string) => path.replace(/[*?[]/g, '[$&]');

/** A view of the table's files under its own name, with its partition column; an empty one where there are no files yet. */
function viewOf(table: Table, out: string): string {
  const columns = table.columns.map(({ name, type }) => ({ name, type: sqlTypes[type] }));
  const pattern = join('results', tablePrefix(table.name), '*', '*.parquet');
  // A run is visible when it has a row in runs, which is written last.
  const visible = table.name === 'runs' ? '' : ' WHERE run_id IN (SELECT run_id FROM runs)';
  const nulls = [...columns, { name: DATE_PARTITION, type: 'VARCHAR' }].map(({ name, type }) => `NULL::${type} AS ${name}`);
  const empty = `SELECT ${nulls.join(', ')} WHERE false`;
  if (globSync(pattern, { cwd: out }).length === 0) return `CREATE VIEW ${table.name} AS ${empty}`;
  const names = columns.map(({ name }) => name).join(', ');
  const files = join(globEscaped(out), pattern);
  const reader = `read_parquet(${quoted(files)}, union_by_name = true, hive_partitioning = true, hive_types = {'${DATE_PARTITION}': VARCHAR})`;
  // Files of older versions lack columns, which are null there, as they are in Athena.
  return `CREATE VIEW ${table.name} AS SELECT ${names}, ${DATE_PARTITION} FROM (${empty} UNION ALL BY NAME FROM ${reader})${visible}`;
}

export interface QueryResult {
  columns: string[];
  rows: Record<string, Json>[];
}

/**
 * The rows that SQL gives over the tables in an out folder, with a value for each of its parameters.
 * @throws Error: with DuckDB's message, where it does not take the SQL.
 */
export async function query(out: string, sql: string, values?: string[]): Promise<QueryResult> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    for (const name of ['runs', ...tableNames.filter((table) => table !== 'runs')] as const)
      await connection.run(viewOf(tables[name], out));
    const reader = await connection.runAndReadAll(sql, values);
    return { columns: reader.deduplicatedColumnNames(), rows: reader.convertRowObjects(jsonValue) as Record<string, Json>[] };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
