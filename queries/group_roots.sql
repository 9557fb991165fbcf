-- The groups of a run, the largest first: group_key, rows, failures, cost and the one summary of each
WITH run AS (
  SELECT run_id, dt FROM runs WHERE run_id LIKE ? ORDER BY started_at DESC, run_id DESC LIMIT 1
)
SELECT g.group_key, g.row_count, g.rows_failed, g.status, g.cost_usd, g.summary
FROM group_summaries g
JOIN run u ON u.run_id = g.run_id AND u.dt = g.dt
ORDER BY g.row_count DESC, g.group_key
