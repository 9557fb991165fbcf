-- The rows of the newest complete or partial run of each dataset and source_key; a halted, failed or rejected run leaves
-- the one before it in place, one with a limit counts where there is no other, and digests are left out
WITH history AS (
  SELECT
    run_id, dt,
    row_number() OVER (
      PARTITION BY dataset, source_key
      ORDER BY CASE WHEN row_limit IS NULL THEN 0 ELSE 1 END, started_at DESC, run_id DESC
    ) AS age
  FROM runs
  WHERE status IN ('complete', 'partial') AND position('/_digest/' IN source_key) = 0
), latest AS (
  SELECT run_id, dt FROM history WHERE age = 1
)
SELECT r.*
FROM row_summaries r
JOIN latest u ON u.run_id = r.run_id AND u.dt = r.dt
ORDER BY r.dataset, r.source_key, r.row_number
