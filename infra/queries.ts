import { readdirSync, readFileSync } from 'node:fs';

/** A query that is shipped with the tables, in SQL that Athena and DuckDB both take. */
export interface NamedQuery {
  readonly name: string;
  readonly description: string;
  readonly sql: string;
  /** Whether it shows one run, which its only parameter names. */
  readonly takesRun: boolean;
}

/** What the parameter of a query that takes a run may be: such queries compare it by LIKE and show the newest run that fits. */
export const RUN_PARAMETER = 'a run_id, or a pattern of LIKE: the newest run that fits it is shown';
/** The parameter that the newest run of all fits. */
export const NEWEST_RUN = '%';

const folder = new URL('../queries/', import.meta.url);
const suffix = '.sql';

/** The comment lines that a file begins with are its description. */
function namedQuery(file: string): NamedQuery {
  const lines = readFileSync(new URL(file, folder), 'utf8').trimEnd().split('\n');
  const start = lines.findIndex((line) => !line.startsWith('--'));
  const description = lines.slice(0, start).map((line) => line.replace(/^-- */, ''));
  const sql = lines.slice(start).join('\n');
  return { name: file.slice(0, -suffix.length), description: description.join(' '), sql, takesRun: sql.includes('?') };
}

/**
 * The files in queries/, by name. A run is visible when it has a row in `runs`, so every query joins it; `dt` in the join lets Athena
 * read only the run's dates.
 */
export const namedQueries: readonly NamedQuery[] = readdirSync(folder)
  .filter((file) => file.endsWith(suffix))
  .sort()
  .map(namedQuery);
