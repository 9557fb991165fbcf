import { count } from './figures.ts';
import type { RunRecord } from './local-run.ts';
import { COLUMNS, clipped, widthOf } from './terminal-text.ts';

const SHOWN_THEMES = 10;
const MAX_NAME_CHARACTERS = 24;

/** The themes of a run that is shown, those of the most rows first, one a line of at most 80 places: name, rows, share, feelings, a quote. */
export async function topThemeLines({ run_id: runId }: RunRecord, out: string): Promise<string[]> {
  // The code of DuckDB takes a while to load, and most runs need none of it.
  const { query } = await import('./query.ts');
  const { rows } = await query(
    out,
    `SELECT theme, row_count, share, positive_rows, negative_rows, count(*) OVER () AS themes,
       (SELECT min_by(quote, row_number) FROM theme_mentions m WHERE m.run_id = t.run_id AND m.run_theme = t.theme AND quote IS NOT NULL) AS quote
     FROM themes t WHERE run_id = ? AND group_key IS NULL ORDER BY row_count DESC, theme LIMIT ${SHOWN_THEMES}`,
    [String(runId)],
  );
  if (rows.length === 0) return [];
  const cells = [
    ['theme', 'rows', 'share', 'positive', 'negative'],
    ...rows.map(({ theme, row_count, share, positive_rows, negative_rows }) => [
      clipped(String(theme), MAX_NAME_CHARACTERS),
      count(Number(row_count)),
      `${(100 * Number(share)).toFixed(1)} %`,
      count(Number(positive_rows)),
      count(Number(negative_rows)),
    ]),
  ];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((line) => widthOf(line[column]!))));
  const padded = (line: string[]) =>
    line.map((cell, column) => {
      const padding = ' '.repeat(widths[column]! - widthOf(cell));
      return column === 0 ? cell + padding : padding + cell;
    });
  const themes = Number(rows[0]?.themes);
  return [
    themes > rows.length
      ? `The first of ${count(themes)} themes, by the rows that support them:`
      : 'Themes, by the rows that support them:',
    ...cells.map((line, index) => {
      const figures = `  ${padded(line).join('  ')}`;
      const quote = rows[index - 1]?.quote;
      return typeof quote === 'string' ? `${figures}  ${clipped(`"${quote}"`, COLUMNS - widthOf(figures) - 2)}` : figures;
    }),
  ];
}
