import { DATE_PARTITION, type TableName } from './table-names.ts';

/** The tables, once: Glue, the Parquet writer and DuckDB all read these definitions. */

export type ColumnType = 'string' | 'int' | 'bigint' | 'double' | 'boolean' | 'timestamp';

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly comment: string;
}

export interface Table {
  readonly name: TableName;
  readonly comment: string;
  readonly columns: readonly Column[];
}

const column = (name: string, type: ColumnType, comment: string): Column => ({ name, type, comment });

export const datePartition = column(DATE_PARTITION, 'string', "UTC date on which the run's first attempt was accepted, YYYY-MM-DD");
const runId = column('run_id', 'string', 'the run; a run is visible when it has a row in runs');
const dataset = column('dataset', 'string', 'first folder of the uploaded key');
const sourceKey = column('source_key', 'string', 'key of the upload in the input bucket; that of a folder ends in a slash');
const groupKey = column(
  'group_key',
  'string',
  'value of the group column, of several a JSON array, empty where there is none; null without grouping and above the groups',
);

export const tables: Record<TableName, Table> = {
  batch_summaries: {
    name: 'batch_summaries',
    comment: 'One summary per batch of rows (level 0) and per fold of summaries (levels above)',
    columns: [
      runId,
      dataset,
      sourceKey,
      groupKey,
      column('level', 'int', '0 = batches of rows, k = folds of level k-1'),
      column('batch_id', 'bigint', '0, 1, 2 ... within the level'),
      column('parent_level', 'int', 'level of the fold that this summary went into, null at the root'),
      column('parent_batch_id', 'bigint', 'batch of the fold that this summary went into, null at the root'),
      column('first_row', 'bigint', 'lowest row_number beneath'),
      column('row_count', 'bigint', 'input rows beneath'),
      column('rows_failed', 'bigint', 'input rows beneath that are in no summary'),
      column('summary', 'string', 'null where the batch failed, or only its rows have summaries'),
      column('status', 'string', 'ok, partial or failed'),
      column('error_code', 'string', 'why it failed, for counting'),
      column('error_message', 'string', 'why it failed, in words'),
      column('model', 'string', 'the model that answered'),
      column('service_tier', 'string', 'the tier that the endpoint says it used'),
      column('finish_reason', 'string', 'stop, or length where the output limit cut the answer'),
      column('prompt_version', 'string', 'version of the prompt'),
      column('input_tokens', 'bigint', 'tokens that this run paid for, 0 where from_cache'),
      column('output_tokens', 'bigint', 'tokens that this run paid for, 0 where from_cache'),
      column('cost_usd', 'double', 'what this run paid, 0 where from_cache, null where the price is unknown'),
      column('latency_ms', 'bigint', 'time of the call that gave the answer'),
      column('from_cache', 'boolean', 'the answer was paid by another run'),
      column('created_at', 'timestamp', 'when the answer came'),
    ],
  },
  row_summaries: {
    name: 'row_summaries',
    comment: 'Every row that could be read, with its summary: its own, or that of its batch',
    columns: [
      runId,
      dataset,
      sourceKey,
      groupKey,
      column('row_number', 'bigint', '0-based position in the upload'),
      column('id', 'string', 'as written in the id column, else the 1-based row number'),
      column('text', 'string', 'as summarized'),
      column('truncated', 'boolean', 'the text was cut at maxRowCharacters'),
      column('batch_id', 'bigint', 'the level-0 batch of batch_summaries, null where skipped'),
      column('summary', 'string', 'of the row itself with granularity row, else of its batch; null where it failed'),
      column('status', 'string', 'ok, failed, or skipped where its group is too small'),
      column('error_code', 'string', 'why it failed'),
      column('attributes', 'string', 'the other columns of the upload, a JSON object'),
    ],
  },
  group_summaries: {
    name: 'group_summaries',
    comment: 'One summary per group, where the run was grouped',
    columns: [
      runId,
      dataset,
      groupKey,
      column('row_count', 'bigint', 'rows of the group, rejected ones not counted'),
      column('rows_failed', 'bigint', 'rows of the group that are not in its summary'),
      column('summary', 'string', 'root of the group, null where it has none'),
      column('status', 'string', 'ok, partial or failed'),
      column('cost_usd', 'double', 'what this run paid for all batches and folds of the group, null where a price is unknown'),
    ],
  },
  theme_mentions: {
    name: 'theme_mentions',
    comment: 'What the summaries claim about single rows, where insights were asked for: one row for each claim and row that supports it',
    columns: [
      runId,
      dataset,
      groupKey,
      column('batch_id', 'bigint', 'the level-0 batch whose answer has the claim'),
      column('theme', 'string', "in the batch's own words"),
      column(
        'group_theme',
        'string',
        'the theme of its group that it was merged into (themes.theme with the same group_key), null where there is none',
      ),
      column(
        'run_theme',
        'string',
        'the theme of the run that it was merged into (themes.theme with group_key null), null where there is none',
      ),
      column('sentiment', 'string', 'positive, negative, neutral or mixed'),
      column('statement', 'string', 'the claim'),
      column('row_number', 'bigint', 'the row that supports it'),
      column('quote', 'string', 'words of that row, letter for letter, null where none were quoted'),
    ],
  },
  themes: {
    name: 'themes',
    comment: 'The themes of each group and of the whole run, where insights were asked for; a row is counted once for a theme',
    columns: [
      runId,
      dataset,
      column('group_key', 'string', 'value of the group column, null for the whole run'),
      column('theme', 'string', 'its name'),
      column('row_count', 'bigint', 'rows that support a claim of it'),
      column('share', 'double', 'row_count as a share of the summarized rows of the group or run, 0 to 1'),
      column('positive_rows', 'bigint', 'rows that support a positive claim of it'),
      column(
        'negative_rows',
        'bigint',
        'rows that support a negative claim of it; a row may support both, and others are neutral or mixed',
      ),
      column('example_ids', 'string', 'ids of the first of these rows, a JSON array of up to five'),
    ],
  },
  rejected_rows: {
    name: 'rejected_rows',
    comment: 'Rows of the upload that could not be read or had no text',
    columns: [
      runId,
      dataset,
      sourceKey,
      column('row_number', 'bigint', '0-based position in the upload'),
      column('line', 'bigint', '1-based line of the upload on which the row starts'),
      column('reason', 'string', 'reason code'),
      column('raw', 'string', 'the row as written, capped'),
    ],
  },
  runs: {
    name: 'runs',
    comment: 'One row per run, written last',
    columns: [
      runId,
      dataset,
      sourceKey,
      column('source_version', 'string', 'version of the object, of a folder that of its _SUCCESS; locally a SHA-256 of the bytes'),
      column('status', 'string', 'complete, partial, failed, halted or rejected'),
      column('stop_reason', 'string', 'why it did not end complete'),
      column('notes', 'string', 'what a careful reader should know, a JSON array of sentences'),
      column('row_limit', 'bigint', 'rows that were to be read at most, null for all'),
      column('rows_in', 'bigint', 'rows_summarized + rows_failed + rows_rejected + rows_skipped'),
      column('rows_summarized', 'bigint', 'rows beneath a summary'),
      column('rows_failed', 'bigint', 'rows whose batch has no summary'),
      column('rows_rejected', 'bigint', 'rows in rejected_rows'),
      column('rows_skipped', 'bigint', 'rows of groups too small to summarize'),
      column('groups', 'bigint', 'groups that have a row in group_summaries, null without grouping'),
      column('batches', 'bigint', 'batches of level 0'),
      column('batches_failed', 'bigint', 'batches of level 0 without a summary'),
      column('levels', 'int', 'levels that have rows in batch_summaries'),
      column('calls', 'bigint', 'answers that this run paid for, all attempts'),
      column('input_tokens', 'bigint', 'all attempts'),
      column('output_tokens', 'bigint', 'all attempts'),
      column('cost_usd', 'double', 'all attempts, null where the price is unknown'),
      column('claims', 'bigint', 'claims that answers made about themes, null without insights'),
      column(
        'claims_dropped_share',
        'double',
        'share of them that was dropped, because nothing true supported them; null where there are none',
      ),
      column('citations_dropped_share', 'double', 'share of their citations that was dropped as false; null where there are none'),
      column('calls_this_attempt', 'bigint', 'answers that the last attempt paid for'),
      column('estimated_cost_usd', 'double', 'estimate made before the first call, null where the price is unknown'),
      column('summary', 'string', 'the root: one paragraph for the whole upload, null without roll-up'),
      column('summary_key', 'string', 'key of the object that holds the root in the work bucket'),
      column('model', 'string', 'the model that was asked'),
      column('settings', 'string', 'the settings of the run, a JSON object'),
      column('started_at', 'timestamp', 'when the first attempt was accepted'),
      column('finished_at', 'timestamp', 'when the last attempt ended'),
    ],
  },
};

type ColumnValue = string | number | bigint | boolean | null;
/** One row of a table: a value for every column; timestamps in milliseconds since the epoch. */
export type TableRow = Readonly<Record<string, ColumnValue>>;
