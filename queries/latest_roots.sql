-- The root summary of the newest complete or partial run of each dataset and source_key, beside the status of the newest run of all; a run with a limit counts where there is no other
WITH newest AS (
  SELECT
    dataset, source_key, run_id, dt, status, row_limit, rows_in, rows_summarized, summary, summary_key, started_at,
    first_value(status) OVER (PARTITION BY dataset, source_key ORDER BY started_at DESC, run_id DESC) AS newest_status
  FROM runs
), history AS (
  SELECT *, row_number() OVER (
      PARTITION BY dataset, source_key
      ORDER BY CASE WHEN row_limit IS NULL THEN 0 ELSE 1 END, started_at DESC, run_id DESC
    ) AS age
  FROM newest
  WHERE status IN ('complete', 'partial')
)
SELECT dataset, source_key, run_id, dt, started_at, status, newest_status, rows_in, rows_summarized, summary, summary_key
FROM history
WHERE age = 1
ORDER BY dataset, source_key
