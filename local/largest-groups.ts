import { count } from './figures.ts';
import type { RunRecord } from './local-run.ts';
import { offlinePrefix } from './model-server/extractive-summary.ts';
import { COLUMNS, clipped, widthOf } from './terminal-text.ts';

const SHOWN_GROUPS = 10;
const MAX_NAME_CHARACTERS = 24;

/** The largest groups of a run that is shown, one a line of at most 80 places: name, rows, the beginning of the summary. */
export async function largestGroupLines({ run_id: runId, groups, status }: RunRecord, out: string): Promise<string[]> {
  // The code of DuckDB takes a while to load, and most runs need none of it.
  const { query } = await import('./query.ts');
  const { rows } = await query(
    out,
    `SELECT group_key, row_count, summary, status FROM group_summaries WHERE run_id = ? ORDER BY row_count DESC, group_key LIMIT ${SHOWN_GROUPS}`,
    [String(runId)],
  );
  if (rows.length === 0) return [];
  // What a halted run did not come to is left, as its rows and batches are.
  const fateOf = (group: string) => (group === 'ok' ? '' : group === 'failed' && status === 'halted' ? 'left' : group);
  const shown = rows.map((row) => ({
    name: row.group_key === '' ? '(no value)' : clipped(String(row.group_key), MAX_NAME_CHARACTERS),
    rows: count(Number(row.row_count)),
    summary: row.summary === null ? fateOf(String(row.status)) : String(row.summary).replace(offlinePrefix, ''),
  }));
  const nameWidth = Math.max(...shown.map(({ name }) => widthOf(name)));
  const rowsWidth = Math.max(...shown.map((group) => group.rows.length));
  const more = Number(groups) - rows.length;
  return [
    more > 0 ? `The largest of ${count(Number(groups))} groups, by rows:` : 'Groups, by rows:',
    ...shown.map(({ name, rows: number, summary }) => {
      const padding = ' '.repeat(nameWidth - widthOf(name));
      return `  ${name}${padding}  ${number.padStart(rowsWidth)}  ${clipped(summary, COLUMNS - nameWidth - rowsWidth - 6)}`.trimEnd();
    }),
  ];
}
