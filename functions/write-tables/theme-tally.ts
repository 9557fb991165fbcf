import * as z from 'zod';
import type { Claim } from '../shared/claim.ts';
import { MAX_EXAMPLE_IDS } from '../shared/limits.ts';
import type { RootThemes } from './theme-paths.ts';

const count = z.int().min(0);

/** The rows of one theme. */
const themeCountSchema = z.object({
  theme: z.string(),
  rows: count,
  positiveRows: count,
  negativeRows: count,
  exampleIds: z.array(z.string()),
});
export type ThemeCount = z.infer<typeof themeCountSchema>;

/** What a tally has come to, for another that goes on with it. */
export const themeSumSchema = z.object({ summarizedRows: count, themes: z.array(themeCountSchema) });
export type ThemeSum = z.infer<typeof themeSumSchema>;

interface BatchCount {
  /** Ids by row number. */
  rows: Map<number, string>;
  positive: Set<number>;
  negative: Set<number>;
}

/** Counts the rows of each theme of one group or run, batch by batch: a row belongs to one batch, so it is counted once for a theme there. */
export class ThemeTally {
  summarizedRows = 0;
  private readonly counts = new Map<string, ThemeCount>();

  /** @param summarizedRows rows of the batch that have a summary. @param root null where the batch is beneath no root. */
  add(claims: readonly Claim[], summarizedRows: number, root: RootThemes | null): void {
    this.summarizedRows += summarizedRows;
    if (!root) return;
    const byTheme = new Map<string, BatchCount>();
    for (const { theme, sentiment, evidence } of claims) {
      const name = root.nameOf(theme);
      if (name === null) continue;
      const count = byTheme.get(name) ?? { rows: new Map(), positive: new Set(), negative: new Set() };
      byTheme.set(name, count);
      for (const { rowNumber, id } of evidence) {
        count.rows.set(rowNumber, id);
        if (sentiment === 'positive' || sentiment === 'negative') count[sentiment].add(rowNumber);
      }
    }
    for (const [theme, { rows, positive, negative }] of byTheme) {
      const first = [...rows].sort(([one], [other]) => one - other).slice(0, MAX_EXAMPLE_IDS);
      const exampleIds = first.map(([, id]) => id);
      this.addCount({ theme, rows: rows.size, positiveRows: positive.size, negativeRows: negative.size, exampleIds });
    }
  }

  /** Takes what another tally has counted of the batches that come next. */
  addSum({ summarizedRows, themes }: ThemeSum): void {
    this.summarizedRows += summarizedRows;
    for (const more of themes) this.addCount(more);
  }

  private addCount({ theme, rows, positiveRows, negativeRows, exampleIds }: ThemeCount): void {
    const sum = this.counts.get(theme) ?? { theme, rows: 0, positiveRows: 0, negativeRows: 0, exampleIds: [] };
    this.counts.set(theme, sum);
    sum.rows += rows;
    sum.positiveRows += positiveRows;
    sum.negativeRows += negativeRows;
    sum.exampleIds.push(...exampleIds.slice(0, MAX_EXAMPLE_IDS - sum.exampleIds.length));
  }

  sum(): ThemeSum {
    return { summarizedRows: this.summarizedRows, themes: this.themes() };
  }

  /** The themes, those of the most rows first. */
  themes(): ThemeCount[] {
    return [...this.counts.values()].sort((one, other) => other.rows - one.rows || (one.theme < other.theme ? -1 : 1));
  }
}
