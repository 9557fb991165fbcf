-- The rows of the newest complete or partial run of each dataset and source_key; a halted, failed or rejected run leaves
-- the one before it in place
WITH history AS (
  SELECT
    run_id, dt,
    row_number() OVER (PARTITION BY dataset, source_key ORDER BY started_at DESC, run_id DESC) AS age
  FROM runs
  WHERE status IN ('complete', 'partial')
), latest AS (
  SELECT run_id, dt FROM history WHERE age = 1
)
SELECT r.*
FROM row_summaries r
JOIN latest u ON u.run_id = r.run_id AND u.dt = r.dt
ORDER BY r.dataset, r.source_key, r.row_number
