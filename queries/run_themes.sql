-- The themes of a run that was asked for insights, those of the whole run first, then those of each group: rows, share of the summarized rows,
-- feelings, and the first quote
WITH run AS (
  SELECT run_id, dt FROM runs WHERE run_id LIKE ? ORDER BY started_at DESC, run_id DESC LIMIT 1
), mentions AS (
  SELECT m.*
  FROM theme_mentions m
  JOIN run u ON u.run_id = m.run_id AND u.dt = m.dt
  WHERE m.quote IS NOT NULL
), quotes AS (
  SELECT NULL AS group_key, run_theme AS theme, min_by(quote, row_number) AS quote
  FROM mentions
  GROUP BY run_theme
  UNION ALL
  SELECT group_key, group_theme, min_by(quote, row_number)
  FROM mentions
  WHERE group_key IS NOT NULL
  GROUP BY group_key, group_theme
)
SELECT t.group_key, t.theme, t.row_count, t.share, t.positive_rows, t.negative_rows, t.example_ids, q.quote
FROM themes t
JOIN run u ON u.run_id = t.run_id AND u.dt = t.dt
LEFT JOIN quotes q ON q.theme = t.theme AND q.group_key IS NOT DISTINCT FROM t.group_key
ORDER BY t.group_key IS NOT NULL, t.group_key, t.row_count DESC, t.theme
