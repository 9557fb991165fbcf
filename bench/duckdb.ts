import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

/** A text as SQL writes it. */
export const sqlText = (value: string) => `'${value.replaceAll("'", "''")}'`;

/** What `work` gives with a database of its own, in memory, with these settings. */
async function inDuckDb<Result>(
  settings: Record<string, string>,
  work: (connection: DuckDBConnection) => Promise<Result>,
): Promise<Result> {
  const instance = await DuckDBInstance.create(':memory:', settings);
  try {
    const connection = await instance.connect();
    try {
      return await work(connection);
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}

/** Runs statements. @returns seconds of the statements. */
export const runInDuckDb = (statements: readonly string[], settings: Record<string, string> = {}): Promise<number> =>
  inDuckDb(settings, async (connection) => {
    const started = performance.now();
    for (const statement of statements) await connection.run(statement);
    return (performance.now() - started) / 1000;
  });

/** The one row that a statement gives. */
export const rowOfDuckDb = (statement: string): Promise<Record<string, unknown>> =>
  inDuckDb({}, async (connection) => (await connection.runAndReadAll(statement)).getRowObjects()[0] ?? {});
