import type { Json } from '@duckdb/node-api';

/** SQL, with a text for each of its parameters where it has any. */
export interface Statement {
  sql: string;
  values?: string[];
}

/** Code of the error of a statement that runs on, though nobody waits for it. */
export const NOT_STOPPED = 'not_stopped';

export interface AnswerColumn {
  /** Different from those of the other columns. */
  name: string;
  isNumber: boolean;
}

/** What a statement gives. */
export interface Answer {
  columns: readonly AnswerColumn[];
  /**
   * Its rows, some thousand at once, values in the columns' order and as JSON. Read once, to the end or until `return`.
   * Throws where the statement fails half-way.
   */
  batches: AsyncIterable<readonly (readonly Json[])[]>;
}

/** What takes SQL over the tables: DuckDB for those in a folder, Athena for those of a stack. */
export interface SqlEngine {
  /** Where the tables lie: `hundredfold-data`, `stack hundredfold`. */
  readonly words: string;
  /** Whether rows cost a call for each thousand, so that nobody wants them read only to be counted. */
  readonly isPaged: boolean;
  /** @throws ConfigError `sql`: the engine does not take the statement, or it fails. */
  ask(statement: Statement, signal?: AbortSignal): Promise<Answer>;
  /**
   * Writes what a statement gives into a new Parquet file, with the columns' types.
   * @returns the number of its rows.
   * @throws ConfigError `sql`: as `ask`.
   */
  writeParquet(statement: Statement, path: string, signal?: AbortSignal): Promise<number>;
  close(): void;
}

/** Names of columns, those that come again with a number: `big`, `big:1`. */
export function distinctNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let distinct = name;
    for (let number = 1; taken.has(distinct); number++) distinct = `${name}:${number}`;
    taken.add(distinct);
    return distinct;
  });
}
