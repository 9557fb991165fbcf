/** A query that is shipped with the tables, in Trino SQL. */
export interface NamedQuery {
  readonly name: string;
  readonly description: string;
  readonly sql: string;
}

/** A run is visible when it has a row in `runs`, so every query joins it; `dt` in the join lets Athena read only the run's dates. */
export const namedQueries: readonly NamedQuery[] = [
  {
    name: 'final_table',
    description: 'Every row with the summary of its batch: id, review, summary',
    sql: `SELECT r.id, r.text AS review, r.summary
FROM row_summaries r
JOIN runs u ON u.run_id = r.run_id AND u.dt = r.dt
ORDER BY r.run_id, r.row_number`,
  },
];
