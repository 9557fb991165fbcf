-- The tree of a run from its root down to its rows, each node before what is beneath it; text is the summary, or the row as summarized
WITH run AS (
  SELECT run_id, dt FROM runs WHERE run_id LIKE ? ORDER BY started_at DESC, run_id DESC LIMIT 1
), batches AS (
  SELECT b.*
  FROM batch_summaries b
  JOIN run u ON u.run_id = b.run_id AND u.dt = b.dt
), nodes AS (
  SELECT
    level, batch_id, parent_level, parent_batch_id, group_key, first_row, row_count, rows_failed, status, error_code, summary AS text,
    NULL AS row_number, NULL AS id
  FROM batches
  UNION ALL
  SELECT
    NULL, NULL, b.level, b.batch_id, r.group_key, b.first_row, 1, CASE r.status WHEN 'ok' THEN 0 ELSE 1 END, r.status, r.error_code, r.text,
    r.row_number, r.id
  FROM row_summaries r
  JOIN run u ON u.run_id = r.run_id AND u.dt = r.dt
  JOIN batches b ON b.level = 0 AND b.batch_id = r.batch_id
), ordered AS (
  SELECT *, min(first_row) OVER (PARTITION BY group_key) AS group_start
  FROM nodes
)
SELECT level, batch_id, parent_level, parent_batch_id, row_number, id, group_key, row_count, rows_failed, status, error_code, text
FROM ordered
ORDER BY group_key IS NOT NULL, group_start, first_row, level DESC NULLS LAST, row_number
