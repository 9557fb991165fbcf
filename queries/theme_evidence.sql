-- What stands behind the themes of a run: each statement with a row that supports it, words quoted from that row, and the row itself
WITH run AS (
  SELECT run_id, dt FROM runs WHERE run_id LIKE ? ORDER BY started_at DESC, run_id DESC LIMIT 1
), texts AS (
  SELECT r.row_number, r.id, r.text
  FROM row_summaries r
  JOIN run u ON u.run_id = r.run_id AND u.dt = r.dt
)
SELECT m.run_theme, m.group_key, m.group_theme, m.theme, m.sentiment, m.statement, m.batch_id, m.row_number, x.id, m.quote, x.text
FROM theme_mentions m
JOIN run u ON u.run_id = m.run_id AND u.dt = m.dt
JOIN texts x ON x.row_number = m.row_number
ORDER BY m.run_theme NULLS LAST, m.sentiment, m.row_number, m.theme, m.statement
