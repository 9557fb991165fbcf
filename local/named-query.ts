import { ConfigError } from '../functions/shared/errors.ts';
import { NEWEST_RUN, namedQueries } from '../infra/queries.ts';
import { query } from './query.ts';

const SHOWN_RUNS = 5;

/** A statement for DuckDB, with a value for each of its parameters where it has any. */
export interface Statement {
  sql: string;
  values?: string[];
}

/** What a statement reads: of one that makes a table, the rows that would go into it. */
export const selectOf = (sql: string) => sql.replace(/^CREATE TABLE .*?\bAS\n(?=SELECT\b|WITH\b)/s, '');

/**
 * What `hundredfold query` is asked for, undefined where it is asked for nothing.
 * @throws ConfigError: there is no such query, or the flags do not go together.
 */
export function statementOf(sql: string | undefined, { named, run }: { named?: string; run?: string }): Statement | undefined {
  if (named === undefined) {
    if (run !== undefined) throw new ConfigError('--run goes with --named; in SQL of your own compare run_id.', { code: 'usage' });
    return sql === undefined ? undefined : { sql };
  }
  if (sql !== undefined) throw new ConfigError('Give either SQL or --named, not both.', { code: 'usage' });
  const shipped = namedQueries.find(({ name }) => name === named);
  if (!shipped) {
    const names = namedQueries.map(({ name }) => name).join(', ');
    throw new ConfigError(`There is no query "${named}"; there are ${names}.`, { code: 'usage' });
  }
  if (run !== undefined && !shipped.takesRun) throw new ConfigError(`${named} shows all runs; leave out --run.`, { code: 'usage' });
  return { sql: selectOf(shipped.sql), ...(shipped.takesRun && { values: [run ?? NEWEST_RUN] }) };
}

/** @throws ConfigError: no run fits what was given for one. */
export async function checkRun(out: string, run: string): Promise<void> {
  const { rows } = await query(out, 'SELECT run_id, run_id LIKE ? AS fits FROM runs ORDER BY fits DESC, started_at DESC', [run]);
  if (rows[0]?.fits === true) return;
  const newest = rows.slice(0, SHOWN_RUNS).map(({ run_id }) => run_id);
  const known = newest.length === 0 ? `${out} has no runs` : `the newest are ${newest.join(', ')}`;
  throw new ConfigError(`There is no run "${run}"; ${known}.`, { code: 'unknown_run' });
}
