import * as z from 'zod';
import type { Claim } from './claim.ts';
import { MAX_THEMES } from './limits.ts';

/** What a theme's name is compared by: spellings that differ in case, width or spaces are one name. */
export const themeKey = (name: string): string => name.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();

/** A theme on its way up: how its rows are counted in the end does not depend on these figures. */
export const themeSchema = z.object({
  name: z.string(),
  /** What the best supported claim of it says. */
  statement: z.string(),
  /** Rows beneath that a claim of it cites, a row once for each theme of its batch: what themes are ranked by. */
  mentions: z.int().min(1),
});
export type Theme = z.infer<typeof themeSchema>;

/** What a fold makes of the themes beneath it. */
export const foldThemesSchema = z.object({
  /** Those that go up, the most mentioned first; no two of the same name. */
  themes: z.array(themeSchema).max(MAX_THEMES),
  /** Keys of names beneath that have another name from here on; any other name stays what it is. */
  renamed: z.array(z.object({ from: z.string(), to: z.string() })),
});
export type FoldThemes = z.infer<typeof foldThemesSchema>;

/** Most mentioned first, equals in the order in which they were seen. */
const ranked = (themes: Iterable<Theme>): Theme[] => [...themes].sort((one, other) => other.mentions - one.mentions);

/** Themes of which no two have the same name, ranked. Of several spellings, and of several statements, that of the most mentioned stays. */
export function mergeEqualNames(themes: readonly Theme[]): Theme[] {
  const byKey = new Map<string, Theme>();
  for (const theme of ranked(themes)) {
    const known = byKey.get(themeKey(theme.name));
    byKey.set(themeKey(theme.name), known ? { ...known, mentions: known.mentions + theme.mentions } : theme);
  }
  return ranked(byKey.values());
}

/** The themes of a batch of rows, ranked; a row is counted once for each, however many claims of the theme cite it. */
export function themesOfClaims(claims: readonly Claim[]): Theme[] {
  const byKey = new Map<string, { best: Claim; rows: Set<number> }>();
  for (const claim of claims) {
    const known = byKey.get(themeKey(claim.theme)) ?? { best: claim, rows: new Set() };
    if (claim.evidence.length > known.best.evidence.length) known.best = claim;
    for (const { rowNumber } of claim.evidence) known.rows.add(rowNumber);
    byKey.set(themeKey(claim.theme), known);
  }
  return ranked(Array.from(byKey.values(), ({ best, rows }) => ({ name: best.theme, statement: best.statement, mentions: rows.size })));
}

/** A name for some of the themes, by their places in the list that was given to be named. */
export interface NamedGroup {
  name: string;
  members: readonly number[];
}

/**
 * What a fold makes of the themes beneath it (see mergeEqualNames) when they are grouped under names. Every theme ends under exactly one name: of
 * a member that stands in two groups the first counts, one that is in none keeps its name, places that no theme has are passed over.
 */
export function foldThemes(beneath: readonly Theme[], groups: readonly NamedGroup[]): FoldThemes {
  const names: (string | undefined)[] = beneath.map(() => undefined);
  for (const { name, members } of groups) {
    for (const member of members) if (member in beneath) names[member] ??= name;
  }
  const nameAt = (index: number) => names[index] ?? beneath[index]!.name;
  return {
    themes: mergeEqualNames(beneath.map((theme, index) => ({ ...theme, name: nameAt(index) }))).slice(0, MAX_THEMES),
    renamed: beneath.flatMap((theme, index) => {
      const [from, to] = [themeKey(theme.name), nameAt(index)];
      return from === themeKey(to) ? [] : [{ from, to }];
    }),
  };
}
