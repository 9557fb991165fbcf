/** The tables by their names. What they hold is in tables.ts, which is longer than a function needs that only names them. */
export const tableNames = [
  'batch_summaries',
  'row_summaries',
  'group_summaries',
  'theme_mentions',
  'themes',
  'rejected_rows',
  'runs',
] as const;
export type TableName = (typeof tableNames)[number];

/** Partition column of every table. */
export const DATE_PARTITION = 'dt';
