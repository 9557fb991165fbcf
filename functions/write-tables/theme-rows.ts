import type { Run } from '../shared/contract.ts';
import type { TableRow } from '../shared/tables.ts';
import type { BatchFate } from './batch-fate.ts';
import type { ClaimRoots } from './theme-paths.ts';
import type { ThemeTally } from './theme-tally.ts';

/** The rows of `theme_mentions` for one batch: one for each claim and row that supports it. */
export const themeMentionRows = (run: Run, { batch, claims }: Pick<BatchFate, 'batch' | 'claims'>, roots: ClaimRoots): TableRow[] =>
  claims.flatMap(({ theme, sentiment, statement, evidence }) =>
    evidence.map(({ rowNumber, quote }) => ({
      run_id: run.runId,
      dataset: run.dataset,
      group_key: batch.groupKey,
      batch_id: batch.batchId,
      theme,
      group_theme: roots.group?.nameOf(theme) ?? null,
      run_theme: roots.run?.nameOf(theme) ?? null,
      sentiment,
      statement,
      row_number: rowNumber,
      quote: quote === '' ? null : quote,
    })),
  );

/** The rows of `themes` for one group, or with null for the whole run. */
export const themeRows = (run: Run, groupKey: string | null, tally: ThemeTally): TableRow[] =>
  tally.themes().map(({ theme, rows, positiveRows, negativeRows, exampleIds }) => ({
    run_id: run.runId,
    dataset: run.dataset,
    group_key: groupKey,
    theme,
    row_count: rows,
    share: rows / tally.summarizedRows,
    positive_rows: positiveRows,
    negative_rows: negativeRows,
    example_ids: JSON.stringify(exampleIds),
  }));
