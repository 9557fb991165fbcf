import type { Claim } from '../shared/claim.ts';
import type { Batch } from '../shared/contract.ts';
import type { BatchName } from '../shared/fold.ts';
import { MAX_THEMES } from '../shared/limits.ts';
import type { Outcome } from '../shared/outcome.ts';
import { type Theme, themeKey, themesOfClaims } from '../shared/theme.ts';

/** The themes of a whole group or run, as the claims of one batch see them. */
export interface RootThemes {
  /** Name of the theme that a batch's own theme was merged into, null where it is not among those that came up to the root. */
  nameOf(theme: string): string | null;
}

export interface ClaimRoots {
  /** null without grouping, and where a fold on the way to the root is missing. */
  group: RootThemes | null;
  /** null where a fold on the way to the root is missing. */
  run: RootThemes | null;
}

/** What stands of a fold with insights. */
type FoldThemesAndParent = Omit<NonNullable<Outcome['themes']>, 'namesKey'>;

interface Step {
  themes: readonly Theme[];
  parent: BatchName | null;
  /** Names by the keys of names beneath. */
  renamed: ReadonlyMap<string, string>;
}

const rootOf = (themes: readonly Theme[], steps: readonly Step[]): RootThemes => {
  const names = new Map(themes.map(({ name }) => [themeKey(name), name]));
  const known = new Map<string, string | null>();
  const find = (theme: string) => names.get(steps.reduce((key, { renamed }) => themeKey(renamed.get(key) ?? key), themeKey(theme))) ?? null;
  return {
    nameOf(theme) {
      const name = known.has(theme) ? (known.get(theme) ?? null) : find(theme);
      known.set(theme, name);
      return name;
    },
  };
};

/** The way of claims up to the roots. Batches are to be taken in their order: of each level only the last fold is held. */
export class ThemePaths {
  private readonly readThemes: (fold: BatchName) => Promise<FoldThemesAndParent | undefined>;
  private readonly groupLevels: number;
  private readonly last = new Map<number, { batchId: number; step: Step | undefined }>();

  /**
   * @param readThemes what stands of a fold, undefined where it is missing.
   * @param groupLevels highest level on which batches of a group are folded; above it are the roots of the groups.
   */
  constructor(readThemes: (fold: BatchName) => Promise<FoldThemesAndParent | undefined>, groupLevels: number) {
    this.readThemes = readThemes;
    this.groupLevels = groupLevels;
  }

  /** Where the claims of a batch of level 0 are counted. */
  async rootsOf(
    { groupKey, parent }: Pick<Batch, 'groupKey'> & { parent: BatchName | null },
    claims: readonly Claim[],
  ): Promise<ClaimRoots> {
    const steps: Step[] = [];
    let group: RootThemes | null = null;
    let here: Pick<Step, 'themes' | 'parent'> = { themes: themesOfClaims(claims).slice(0, MAX_THEMES), parent };
    for (;;) {
      const isGroupRoot = here.parent === null || here.parent.level > this.groupLevels;
      if (groupKey !== null && isGroupRoot) group ??= rootOf(here.themes, [...steps]);
      if (here.parent === null) return { group, run: rootOf(here.themes, steps) };
      const step = await this.stepAt(here.parent);
      if (!step) return { group, run: null };
      steps.push(step);
      here = step;
    }
  }

  private async stepAt(fold: BatchName): Promise<Step | undefined> {
    const held = this.last.get(fold.level);
    if (held?.batchId === fold.batchId) return held.step;
    const found = await this.readThemes(fold);
    const step = found && { ...found, renamed: new Map(found.renamed.map(({ from, to }) => [from, to])) };
    this.last.set(fold.level, { batchId: fold.batchId, step });
    return step;
  }
}
