-- Copies row_summaries into the table compact_rows, few large files a month in place of many small ones (on a laptop it only
-- shows the rows); the files last as long as query results, 30 days; DROP TABLE compact_rows before the next copy
CREATE TABLE compact_rows
WITH (format = 'PARQUET', write_compression = 'ZSTD', partitioned_by = ARRAY['month']) AS
SELECT r.*, substr(r.dt, 1, 7) AS month
FROM row_summaries r
JOIN runs u ON u.run_id = r.run_id AND u.dt = r.dt
