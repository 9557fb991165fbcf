-- The groups of a run compared: rows, share of all rows, failures, batches, folds, tokens and cost of each, the costliest first
WITH run AS (
  SELECT run_id, dt, rows_summarized + rows_failed AS run_rows
  FROM runs WHERE run_id LIKE ? ORDER BY started_at DESC, run_id DESC LIMIT 1
), batches AS (
  SELECT
    b.group_key, sum(CASE WHEN b.level = 0 THEN 1 ELSE 0 END) AS batches, sum(CASE WHEN b.level > 0 THEN 1 ELSE 0 END) AS folds,
    sum(CASE WHEN b.level = 0 AND b.status = 'failed' THEN 1 ELSE 0 END) AS batches_failed, sum(b.input_tokens) AS input_tokens,
    sum(b.output_tokens) AS output_tokens
  FROM batch_summaries b
  JOIN run u ON u.run_id = b.run_id AND u.dt = b.dt
  WHERE b.group_key IS NOT NULL
  GROUP BY b.group_key
)
SELECT
  g.group_key, g.row_count, CAST(g.row_count AS double) / u.run_rows AS share, g.rows_failed, g.status, b.batches, b.batches_failed, b.folds,
  b.input_tokens, b.output_tokens, g.cost_usd
FROM group_summaries g
JOIN run u ON u.run_id = g.run_id AND u.dt = g.dt
JOIN batches b ON b.group_key = g.group_key
ORDER BY g.cost_usd DESC, g.row_count DESC, g.group_key
