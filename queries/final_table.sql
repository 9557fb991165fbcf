-- Every row of a run with its summary, its own or that of its batch: id, review, summary
WITH run AS (
  SELECT run_id, dt FROM runs WHERE run_id LIKE ? ORDER BY started_at DESC, run_id DESC LIMIT 1
)
SELECT r.id, r.text AS review, r.summary
FROM row_summaries r
JOIN run u ON u.run_id = r.run_id AND u.dt = r.dt
ORDER BY r.row_number
