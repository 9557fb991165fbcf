import { DuckDBInstance } from '@duckdb/node-api';

/** A text as SQL writes it. */
export const sqlText = (value: string) => `'${value.replaceAll("'", "''")}'`;

/** Runs statements in a database of its own, in memory, with these settings. @returns seconds of the statements. */
export async function runInDuckDb(statements: readonly string[], settings: Record<string, string> = {}): Promise<number> {
  const instance = await DuckDBInstance.create(':memory:', settings);
  try {
    const connection = await instance.connect();
    const started = performance.now();
    for (const statement of statements) await connection.run(statement);
    const seconds = (performance.now() - started) / 1000;
    connection.closeSync();
    return seconds;
  } finally {
    instance.closeSync();
  }
}
