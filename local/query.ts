import { globSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBTypeId, type Json, ResultReturnType } from '@duckdb/node-api';
import { ConfigError } from '../functions/shared/errors.ts';
import { tablePrefix } from '../functions/shared/object-keys.ts';
import { DATE_PARTITION, tableNames } from '../functions/shared/table-names.ts';
import { type ColumnType, type Table, tables } from '../functions/shared/tables.ts';
import { duckDBSession, quoted, quotedName, unterminated } from './duckdb-session.ts';
import { jsonValue } from './json-values.ts';
import { type Answer, distinctNames, type SqlEngine, type Statement } from './sql-engine.ts';

const sqlTypes: Record<ColumnType, string> = {
  string: 'VARCHAR',
  int: 'INTEGER',
  bigint: 'BIGINT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  timestamp: 'TIMESTAMP',
};

/** A folder's path in a glob of DuckDB, its characters meant as they are. */
const globEscaped = (path: string) => path.replace(/[*?[]/g, '[$&]');

const tableFiles = ({ name }: Table) => join('results', tablePrefix(name), '*', '*.parquet');

/** Whether a folder holds a run that is visible. */
export const hasRuns = (out: string) => globSync(tableFiles(tables.runs), { cwd: out }).length > 0;

/** A view of the table's files under its own name, with its partition column; an empty one where there are no files yet. */
function viewOf(table: Table, out: string): string {
  const columns = table.columns.map(({ name, type }) => ({ name, type: sqlTypes[type] }));
  const pattern = tableFiles(table);
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

const INTERRUPT_MS = 50;

const numberTypes = new Set([
  ...[DuckDBTypeId.TINYINT, DuckDBTypeId.SMALLINT, DuckDBTypeId.INTEGER, DuckDBTypeId.BIGINT, DuckDBTypeId.HUGEINT, DuckDBTypeId.BIGNUM],
  ...[DuckDBTypeId.UTINYINT, DuckDBTypeId.USMALLINT, DuckDBTypeId.UINTEGER, DuckDBTypeId.UBIGINT, DuckDBTypeId.UHUGEINT],
  ...[DuckDBTypeId.FLOAT, DuckDBTypeId.DOUBLE, DuckDBTypeId.DECIMAL],
]);

const hugeTypes = new Set([DuckDBTypeId.HUGEINT, DuckDBTypeId.UHUGEINT]);

/** DuckDB over the tables in an out folder, each under its own name. */
export async function openTables(out: string): Promise<SqlEngine> {
  const { connection, close } = await duckDBSession();
  for (const name of ['runs', ...tableNames.filter((table) => table !== 'runs')] as const) await connection.run(viewOf(tables[name], out));

  /** Does something with the connection, until somebody wants it stopped. */
  async function working<Result>(signal: AbortSignal | undefined, work: () => Promise<Result>): Promise<Result> {
    let repeated: NodeJS.Timeout | undefined;
    const stop = () => {
      connection.interrupt();
      // An interrupt that comes before DuckDB has begun is forgotten.
      repeated = setInterval(() => connection.interrupt(), INTERRUPT_MS);
    };
    signal?.throwIfAborted();
    signal?.addEventListener('abort', stop);
    try {
      return await work();
    } catch (cause) {
      signal?.throwIfAborted();
      throw refusal(cause);
    } finally {
      signal?.removeEventListener('abort', stop);
      clearInterval(repeated);
    }
  }

  async function ask({ sql, values }: Statement, signal?: AbortSignal): Promise<Answer> {
    const result = await working(signal, () => connection.stream(sql, values));
    const names = distinctNames(result.columnNames());
    const columns = names.map((name, index) => ({ name, isNumber: numberTypes.has(result.columnTypeId(index)) }));
    async function* batches() {
      const chunks = result.yieldConvertedRows(jsonValue);
      for (;;) {
        const { value, done } = await working(signal, () => chunks.next());
        if (done) break;
        yield value as Json[][];
      }
      signal?.throwIfAborted();
      // A stream that fails ends as one that is over; only what is left of its result tells, and not why. Asked at once, DuckDB says why.
      if (result.returnType !== ResultReturnType.INVALID) return;
      await working(signal, () => connection.run(sql, values));
      throw new ConfigError('DuckDB failed half-way and does not say why.', { code: 'sql' });
    }
    return { columns, batches: batches() };
  }

  async function writeParquet({ sql, values }: Statement, path: string, signal?: AbortSignal): Promise<number> {
    // FROM also takes DESCRIBE and SHOW. A comment may end the SQL, so the bracket stands on a line of its own.
    const rows = `FROM (\n${unterminated(sql)}\n)`;
    const names = await working(signal, async () => {
      const empty = await connection.run(`${rows} LIMIT 0`, values);
      return empty.columnNames().filter((_, index) => hugeTypes.has(empty.columnTypeId(index)));
    });
    // Parquet has no integers of 128 bits, as sums are: DuckDB would write the nearest double.
    const exact = names.map(quotedName).map((name) => `CAST(${name} AS DECIMAL(38, 0)) AS ${name}`);
    const given = exact.length > 0 ? `SELECT * REPLACE (${exact.join(', ')}) ` : '';
    const copy = `COPY (${given}${rows}) TO ${quoted(path)} (FORMAT parquet, COMPRESSION zstd)`;
    const reader = await working(signal, async () => connection.runAndReadAll(copy, values));
    return Number(reader.getRows()[0]?.[0] ?? 0);
  }

  return { words: out, isPaged: false, ask, writeParquet, close };
}

/** DuckDB's words for what is wrong with a statement. */
function refusal(cause: unknown): ConfigError {
  if (cause instanceof ConfigError) return cause;
  const message = (cause as Error).message.replace(/^Failed to extract statements: /, '').trimEnd();
  // What the library has to say where there is only white space, or a comment.
  const words = message === 'Error in native callback' ? 'There is no statement in the SQL.' : message;
  return new ConfigError(words, { code: 'sql', cause });
}

export interface QueryResult {
  columns: string[];
  rows: Record<string, Json>[];
}

/**
 * All rows that SQL gives over the tables in an out folder, with a value for each of its parameters.
 * @throws ConfigError: with DuckDB's message, where it does not take the SQL.
 */
export async function query(out: string, sql: string, values?: string[]): Promise<QueryResult> {
  const engine = await openTables(out);
  try {
    return await allRows(await engine.ask({ sql, ...(values && { values }) }));
  } finally {
    engine.close();
  }
}

/** All that a statement gives, of which there is little. */
export async function allRows({ columns, batches }: Answer): Promise<QueryResult> {
  const names = columns.map(({ name }) => name);
  const rows: Record<string, Json>[] = [];
  for await (const batch of batches)
    for (const values of batch) rows.push(Object.fromEntries(names.map((name, index) => [name, values[index] ?? null])));
  return { columns: names, rows };
}
