-- The batch summaries of a run, level by level, each with the fold that it went into
WITH run AS (
  SELECT run_id, dt FROM runs WHERE run_id LIKE ? ORDER BY started_at DESC, run_id DESC LIMIT 1
)
SELECT
  b.level, b.batch_id, b.parent_level, b.parent_batch_id, b.group_key, b.first_row, b.row_count, b.rows_failed, b.status, b.error_code,
  b.summary
FROM batch_summaries b
JOIN run u ON u.run_id = b.run_id AND u.dt = b.dt
ORDER BY b.level, b.batch_id
