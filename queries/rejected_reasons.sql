-- The rejected rows of a run by reason, with counts and the first example
WITH run AS (
  SELECT run_id, dt FROM runs WHERE run_id LIKE ? ORDER BY started_at DESC, run_id DESC LIMIT 1
)
SELECT
  r.run_id, r.reason, count(*) AS rejected, min(r.row_number) AS first_row_number, min_by(r.line, r.row_number) AS first_line,
  min_by(r.raw, r.row_number) AS first_raw
FROM rejected_rows r
JOIN run u ON u.run_id = r.run_id AND u.dt = r.dt
GROUP BY r.run_id, r.reason
ORDER BY rejected DESC, r.reason
