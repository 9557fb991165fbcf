import { ConfigError } from '../functions/shared/errors.ts';
import { NEWEST_RUN, namedQueries } from '../infra/queries.ts';
import { allRows } from './query.ts';
import type { SqlEngine, Statement } from './sql-engine.ts';

const SHOWN_RUNS = 5;

/** What a statement reads: of one that makes a table, the rows that would go into it. */
export const selectOf = (sql: string) => sql.replace(/^CREATE TABLE .*?\bAS\n(?=SELECT\b|WITH\b)/s, '');

/**
 * What `hundredfold query` is asked for, undefined where it is asked for nothing. A shipped query that makes a table does so in Athena
 * alone.
 * @throws ConfigError: there is no such query, or the flags do not go together.
 */
export function statementOf(
  sql: string | undefined,
  { named, run, isAthena = false }: { named?: string; run?: string; isAthena?: boolean },
): Statement | undefined {
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
  return { sql: isAthena ? shipped.sql : selectOf(shipped.sql), ...(shipped.takesRun && { values: [run ?? NEWEST_RUN] }) };
}

/** @throws ConfigError: no run fits what was given for one. */
export async function checkRun(engine: SqlEngine, run: string, signal?: AbortSignal): Promise<void> {
  const rowsOf = async (sql: string, values?: string[]) =>
    (await allRows(await engine.ask({ sql, ...(values && { values }) }, signal))).rows;
  if ((await rowsOf('SELECT run_id FROM runs WHERE run_id LIKE ? LIMIT 1', [run])).length > 0) return;
  const newest = await rowsOf(`SELECT run_id FROM runs ORDER BY started_at DESC LIMIT ${SHOWN_RUNS}`);
  const known = newest.length === 0 ? `${engine.words} has no runs` : `the newest are ${newest.map(({ run_id }) => run_id).join(', ')}`;
  throw new ConfigError(`There is no run "${run}"; ${known}.`, { code: 'unknown_run' });
}
