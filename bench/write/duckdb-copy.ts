import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { manifestKey, outcomePrefix, partsPrefix, stagedTablesPrefix } from '../../functions/shared/object-keys.ts';
import { tables } from '../../functions/shared/tables.ts';
import { runInDuckDb, sqlText } from '../duckdb.ts';
import { benchRun } from '../run-of-reviews.ts';

/** Writes the rows of `row_summaries` with DuckDB: `staged` makes them of staged rows and outcomes, `finished` reads them from finished tables. */
const [from, out = '', target = ''] = process.argv.slice(2);
const { runId, dataset, source } = benchRun();
const under = (key: string) => sqlText(join(out, key));

const sixDigits = '[0-9]'.repeat(6);
const stagedRows = `
  SELECT ${sqlText(runId)} AS run_id, ${sqlText(dataset)} AS dataset, ${sqlText(source.key)} AS source_key, r.groupKey AS group_key,
    r.rowNumber AS row_number, r.id, r.text, r.truncated, r.attributes, b.batchId AS batch_id, o.answer.text AS summary, 'ok' AS status,
    NULL::VARCHAR AS error_code
  FROM read_json(${under(`${partsPrefix(runId)}${sixDigits}.jsonl`)}, format = 'newline_delimited', columns = {rowNumber: 'BIGINT', id: 'VARCHAR',
    text: 'VARCHAR', groupKey: 'VARCHAR', truncated: 'BOOLEAN', attributes: 'VARCHAR'}) r
  ASOF JOIN read_json(${under(manifestKey(runId, 0))}, format = 'newline_delimited', columns = {batchId: 'INTEGER', firstRow: 'BIGINT'}) b
    ON r.rowNumber >= b.firstRow
  JOIN read_json(${under(`${outcomePrefix(runId, 0)}*.json`)}, columns = {batchId: 'INTEGER', answer: 'STRUCT("text" VARCHAR)'}) o
    ON o.batchId = b.batchId`;
const finishedRows = `SELECT * FROM read_parquet(${under(`${stagedTablesPrefix(runId)}${tables.row_summaries.name}/*.parquet`)})`;

mkdirSync(target, { recursive: true });
const file = join(target, 'duckdb.parquet');
const seconds = await runInDuckDb([
  `COPY (${from === 'staged' ? stagedRows : finishedRows}) TO ${sqlText(file)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 10240)`,
]);
process.stdout.write(`${JSON.stringify({ seconds, bytes: statSync(file).size })}\n`);
