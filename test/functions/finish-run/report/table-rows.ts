import { joinExcerpts, type ReportContent } from '../../../../functions/finish-run/report/join-excerpts.ts';
import type { RunRecord } from '../../../../functions/finish-run/report/report-page.ts';
import { excerptSchema } from '../../../../functions/shared/report-excerpt.ts';
import { defaultSettings } from '../../../../functions/shared/settings.ts';
import type { TableName } from '../../../../functions/shared/table-names.ts';
import { type Table, type TableRow, tables } from '../../../../functions/shared/tables.ts';
import { ParquetFile } from '../../../../functions/write-tables/parquet-file.ts';
import { PartExcerpt } from '../../../../functions/write-tables/report-excerpt.ts';
import { sampleRun } from '../../../fakes/sample-run.ts';

export type TableRows = { [Name in TableName]?: readonly TableRow[] };

/** The excerpt of a part whose table files get these rows; columns that a row does not name are null. */
export function excerptOf(rows: TableRows, { batches = rows.batch_summaries?.length ?? 0, part = '000000', attempt = 1 } = {}) {
  const excerpt = new PartExcerpt(sampleRun({ attempt }), part, { counts: { batches } } as never);
  for (const [name, some] of Object.entries(rows)) {
    const table: Table | undefined = tables[name as TableName];
    const file = new ParquetFile(table ?? ({ name, columns: [] } as never));
    excerpt.watch({ [name]: file });
    const nulls = Object.fromEntries((table?.columns ?? []).map((column) => [column.name, null]));
    for (const row of some) file.add({ ...nulls, ...row });
  }
  return excerptSchema.parse(JSON.parse(JSON.stringify(excerpt.excerpt())));
}

export const contentOf = (rows: TableRows): ReportContent => joinExcerpts([excerptOf(rows)]);

export const batchRow = (changes: TableRow = {}): TableRow => ({
  ...{ level: 0, batch_id: 0, row_count: 2, rows_failed: 0, summary: 'People like the lid.', status: 'ok' },
  ...{ input_tokens: 1_000, output_tokens: 50, cost_usd: 0.002, latency_ms: 1_400, from_cache: false },
  ...changes,
});

export const failedBatchRow = (changes: TableRow = {}): TableRow =>
  batchRow({
    ...{ summary: null, status: 'failed', rows_failed: 2, error_code: 'refusal', error_message: 'The model refused.' },
    ...{ latency_ms: null, cost_usd: 0, input_tokens: 0, output_tokens: 0, ...changes },
  });

export const textRow = (row: number, batch: number, changes: TableRow = {}): TableRow => ({
  ...{ row_number: row, id: `id-${row}`, text: `Text of row ${row}.`, truncated: false, batch_id: batch, status: 'ok' },
  ...{ summary: 'People like the lid.', attributes: '{}', ...changes },
});

/** A run's row of `runs`, as JSON has it. */
export const recordOf = (changes: RunRecord = {}): RunRecord => ({
  ...{
    run_id: 'july-1234',
    dataset: 'support',
    source_key: 'support/july.csv',
    source_version: 'v1',
    status: 'complete',
    stop_reason: null,
  },
  ...{ notes: '["A note."]', row_limit: null, rows_in: 5, rows_summarized: 4, rows_failed: 0, rows_rejected: 1, rows_skipped: 0 },
  ...{
    batches: 2,
    batches_failed: 0,
    levels: 2,
    calls: 3,
    input_tokens: 3_000,
    output_tokens: 150,
    cost_usd: 0.006,
    calls_this_attempt: 3,
  },
  ...{ estimated_cost_usd: 0.01, summary: 'On the whole the lid is liked.', summary_key: 'k', model: 'gpt-6-luna' },
  settings: JSON.stringify({ ...defaultSettings, batchRows: 2 }),
  ...{ started_at: '2026-11-23T10:00:00.000Z', finished_at: '2026-11-23T10:01:30.000Z' },
  ...changes,
});

/** Two batches of two rows, and the fold of them. */
export const twoBatches: TableRows = {
  batch_summaries: [
    batchRow({ parent_level: 1, parent_batch_id: 0 }),
    batchRow({ batch_id: 1, parent_level: 1, parent_batch_id: 0, summary: 'The price is fine.' }),
    batchRow({ level: 1, row_count: 4, summary: 'On the whole the lid is liked.' }),
  ],
  row_summaries: [0, 1, 2, 3].map((row) =>
    textRow(row, Math.floor(row / 2), { summary: row < 2 ? 'People like the lid.' : 'The price is fine.' }),
  ),
  rejected_rows: [{ row_number: 4, line: 6, reason: 'empty_text', raw: 'r4,' }],
};
