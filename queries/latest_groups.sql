-- The groups of the newest complete or partial run of each dataset and source_key, chosen as in latest_rows; runs without groups have none
WITH history AS (
  SELECT
    run_id, dt, source_key,
    row_number() OVER (
      PARTITION BY dataset, source_key
      ORDER BY CASE WHEN row_limit IS NULL THEN 0 ELSE 1 END, started_at DESC, run_id DESC
    ) AS age
  FROM runs
  WHERE status IN ('complete', 'partial') AND position('/_digest/' IN source_key) = 0
), latest AS (
  SELECT run_id, dt, source_key FROM history WHERE age = 1
)
SELECT u.source_key, g.*
FROM group_summaries g
JOIN latest u ON u.run_id = g.run_id AND u.dt = g.dt
ORDER BY g.dataset, u.source_key, g.group_key
