import type { Run } from '../shared/contract.ts';
import { RunFolds } from '../shared/fold.ts';
import { readOutcome } from '../shared/outcome.ts';
import type { Plan } from '../shared/plan.ts';
import type { ObjectStore } from '../shared/ports.ts';
import { tables } from '../shared/tables.ts';
import type { BatchFate } from './batch-fate.ts';
import { ParquetFile } from './parquet-file.ts';
import type { GroupSum, PartSum } from './part-sums.ts';
import { type ClaimRoots, ThemePaths } from './theme-paths.ts';
import { themeRows } from './theme-rows.ts';
import { ThemeTally } from './theme-tally.ts';

/** Where the claims of batches of level 0, taken in their order, are counted. Without roll-up there are no roots to count them at, without insights no claims. */
export function claimRoots(run: Run, { counts, settings }: Plan, work: ObjectStore): (fate: BatchFate) => Promise<ClaimRoots> {
  if (!settings.rollUp || !settings.insights) return async () => ({ group: null, run: null });
  const { groupLevels } = new RunFolds({ groups: counts.groups ?? 1, largestGroupBatches: counts.largestGroupBatches }, settings);
  const paths = new ThemePaths(async ({ level, batchId }) => {
    const outcome = await readOutcome(work, run.runId, level, batchId);
    // As for summaries: a fold of an earlier attempt may have been made of other themes than stand now.
    return outcome?.attempt === run.attempt && outcome.status !== 'failed' ? outcome.themes : undefined;
  }, groupLevels);
  return ({ batch, claims }) => paths.rootsOf(batch, claims);
}

/** The rows of `themes`. Sums of the parts and of their groups are shown to it in their order; holds the themes of one group and of the run. */
export class ThemesFile {
  readonly file = new ParquetFile(tables.themes);
  private readonly run: Run;
  private readonly runTally = new ThemeTally();
  private group: { key: string; tally: ThemeTally } | undefined;

  constructor(run: Run) {
    this.run = run;
  }

  addPart({ themes }: PartSum): void {
    if (themes) this.runTally.addSum(themes);
  }

  addGroup({ groupKey, themes }: GroupSum): void {
    if (!themes) return;
    if (this.group?.key !== groupKey) {
      this.endGroup();
      this.group = { key: groupKey, tally: new ThemeTally() };
    }
    this.group.tally.addSum(themes);
  }

  private endGroup() {
    if (this.group) for (const row of themeRows(this.run, this.group.key, this.group.tally)) this.file.add(row);
    this.group = undefined;
  }

  /** To be called after the last part. */
  end(): void {
    this.endGroup();
    for (const row of themeRows(this.run, null, this.runTally)) this.file.add(row);
  }
}
