-- Every row of a run beside its batch: id, review, summary and, where rows have summaries of their own, the paragraph made of them
WITH run AS (
  SELECT run_id, dt FROM runs WHERE run_id LIKE ? ORDER BY started_at DESC, run_id DESC LIMIT 1
)
SELECT r.row_number, r.id, r.text AS review, r.summary, r.status, r.error_code, r.batch_id, b.summary AS batch_summary
FROM row_summaries r
JOIN run u ON u.run_id = r.run_id AND u.dt = r.dt
LEFT JOIN batch_summaries b ON b.run_id = u.run_id AND b.dt = u.dt AND b.level = 0 AND b.batch_id = r.batch_id
ORDER BY r.row_number
