-- The batches of all levels of the newest complete or partial run of each dataset and source_key, chosen as in latest_rows
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
SELECT b.*
FROM batch_summaries b
JOIN latest u ON u.run_id = b.run_id AND u.dt = b.dt
ORDER BY b.dataset, b.source_key, b.level, b.batch_id
