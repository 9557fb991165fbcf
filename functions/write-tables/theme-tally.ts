import type { Claim } from '../shared/claim.ts';
import { MAX_EXAMPLE_IDS } from '../shared/limits.ts';
import type { RootThemes } from './theme-paths.ts';

/** The rows of one theme. */
export interface ThemeCount {
  theme: string;
  rows: number;
  positiveRows: number;
  negativeRows: number;
  exampleIds: string[];
}

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
      const sum = this.counts.get(theme) ?? { theme, rows: 0, positiveRows: 0, negativeRows: 0, exampleIds: [] };
      this.counts.set(theme, sum);
      sum.rows += rows.size;
      sum.positiveRows += positive.size;
      sum.negativeRows += negative.size;
      if (sum.exampleIds.length < MAX_EXAMPLE_IDS) {
        const first = [...rows].sort(([one], [other]) => one - other).map(([, id]) => id);
        sum.exampleIds.push(...first.slice(0, MAX_EXAMPLE_IDS - sum.exampleIds.length));
      }
    }
  }

  /** The themes, those of the most rows first. */
  themes(): ThemeCount[] {
    return [...this.counts.values()].sort((one, other) => other.rows - one.rows || (one.theme < other.theme ? -1 : 1));
  }
}
