import { rowOfDuckDb, sqlText } from '../duckdb.ts';
import type { Contestant } from './contestants.ts';

/** What became of the rows, by the table that a program left. */
export interface RowAccount {
  /** Rows of the file that the table has. */
  kept: number;
  /** Rows that the table has more than once. */
  doubled: number;
  /** Rows without a summary, or with the text of an error in its place. */
  failed: number;
}

const tableOf = ({ isSpark }: Contestant, out: string) =>
  isSpark
    ? `SELECT id, summary LIKE 'ERROR: %' OR summary IS NULL AS is_failed FROM read_parquet(${sqlText(`${out}/*.parquet`)})`
    : `SELECT id, summary IS NULL AS is_failed FROM read_parquet(${sqlText(`${out}/results/tables/row_summaries/**/*.parquet`)})`;

/** Counts the rows of the table that a contestant wrote. */
export async function rowAccount(contestant: Contestant, out: string): Promise<RowAccount> {
  const row =
    await rowOfDuckDb(`SELECT count(DISTINCT id) AS kept, count(*) - count(DISTINCT id) AS doubled, count(*) FILTER (is_failed) AS failed
    FROM (${tableOf(contestant, out)})`);
  return { kept: Number(row.kept), doubled: Number(row.doubled), failed: Number(row.failed) };
}
