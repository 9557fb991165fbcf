-- What failed in a run and why: the run, its batches and its rows by error_code, with counts and the first example
WITH run AS (
  SELECT run_id, dt, status, stop_reason, rows_failed
  FROM runs WHERE run_id LIKE ? ORDER BY started_at DESC, run_id DESC LIMIT 1
), failures AS (
  SELECT
    1 AS place, 'run' AS what, run_id, NULL AS level, status, NULL AS error_code, 1 AS failures, rows_failed,
    NULL AS example_number, stop_reason AS example
  FROM run
  WHERE status <> 'complete'
  UNION ALL
  SELECT
    2, 'batch', b.run_id, b.level, b.status, b.error_code, count(*), sum(b.rows_failed),
    min(b.batch_id), min_by(b.error_message, b.batch_id)
  FROM batch_summaries b
  JOIN run u ON u.run_id = b.run_id AND u.dt = b.dt
  WHERE b.status = 'failed' OR b.error_code IS NOT NULL
  GROUP BY b.run_id, b.level, b.status, b.error_code
  UNION ALL
  SELECT
    3, 'row', r.run_id, NULL, r.status, r.error_code, count(*), count(*),
    min(r.row_number), min_by(r.text, r.row_number)
  FROM row_summaries r
  JOIN run u ON u.run_id = r.run_id AND u.dt = r.dt
  WHERE r.status = 'failed'
  GROUP BY r.run_id, r.status, r.error_code
)
SELECT run_id, what, level, status, error_code, failures, rows_failed, example_number, example
FROM failures
ORDER BY place, level, failures DESC, error_code, status
