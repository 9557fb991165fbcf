-- What each dataset cost in each month of acceptance: runs of every status, rows, calls, tokens and dollars; digests cost, and have no rows of their own
SELECT
  dataset, substr(dt, 1, 7) AS month, count(*) AS runs,
  sum(CASE WHEN position('/_digest/' IN source_key) = 0 THEN rows_in ELSE 0 END) AS rows_in,
  sum(CASE WHEN position('/_digest/' IN source_key) = 0 THEN rows_summarized ELSE 0 END) AS rows_summarized,
  sum(calls) AS calls, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(cost_usd) AS cost_usd,
  count(*) - count(cost_usd) AS runs_without_price
FROM runs
GROUP BY dataset, substr(dt, 1, 7)
ORDER BY dataset, month
