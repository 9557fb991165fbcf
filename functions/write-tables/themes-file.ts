import type { Run } from '../shared/contract.ts';
import { RunFolds } from '../shared/fold.ts';
import { readOutcome } from '../shared/outcome.ts';
import type { Plan } from '../shared/plan.ts';
import type { ObjectStore } from '../shared/ports.ts';
import { tables } from '../shared/tables.ts';
import type { BatchFate } from './batch-fate.ts';
import { ParquetFile } from './parquet-file.ts';
import { type ClaimRoots, ThemePaths } from './theme-paths.ts';
import { themeMentionRows, themeRows } from './theme-rows.ts';
import { ThemeTally } from './theme-tally.ts';

/** Where the claims of batches of level 0, taken in their order, are counted. Without roll-up there are no roots to count them at. */
export function claimRoots(run: Run, { counts, settings }: Plan, work: ObjectStore): (fate: BatchFate) => Promise<ClaimRoots> {
  if (!settings.rollUp) return async () => ({ group: null, run: null });
  const { groupLevels } = new RunFolds({ groups: counts.groups ?? 1, largestGroupBatches: counts.largestGroupBatches }, settings);
  const paths = new ThemePaths(async ({ level, batchId }) => {
    const outcome = await readOutcome(work, run.runId, level, batchId);
    // As for summaries: a fold of an earlier attempt may have been made of other themes than stand now.
    return outcome?.attempt === run.attempt && outcome.status !== 'failed' ? outcome.themes : undefined;
  }, groupLevels);
  return ({ batch, claims }) => paths.rootsOf(batch, claims);
}

/** Adds the rows of `theme_mentions` for some batches, in their order. */
export async function addThemeMentions(
  file: ParquetFile,
  run: Run,
  fates: readonly BatchFate[],
  plan: Plan,
  work: ObjectStore,
): Promise<void> {
  const rootsOf = claimRoots(run, plan, work);
  for (const fate of fates) for (const row of themeMentionRows(run, fate, await rootsOf(fate))) file.add(row);
}

/** The rows of `themes`. Batches of level 0 are shown to it in their order, hence group by group; holds the themes of one group and of the run. */
export class ThemesFile {
  readonly file = new ParquetFile(tables.themes);
  private readonly run: Run;
  private readonly rootsOf: (fate: BatchFate) => Promise<ClaimRoots>;
  private readonly runTally = new ThemeTally();
  private group: { key: string; tally: ThemeTally } | undefined;

  constructor(run: Run, plan: Plan, work: ObjectStore) {
    this.run = run;
    this.rootsOf = claimRoots(run, plan, work);
  }

  async add(fate: BatchFate): Promise<void> {
    const { batch, claims, rowsFailed } = fate;
    const roots = await this.rootsOf(fate);
    const summarizedRows = batch.rows - rowsFailed;
    this.runTally.add(claims, summarizedRows, roots.run);
    if (batch.groupKey === null) return;
    if (this.group?.key !== batch.groupKey) {
      this.endGroup();
      this.group = { key: batch.groupKey, tally: new ThemeTally() };
    }
    this.group.tally.add(claims, summarizedRows, roots.group);
  }

  private endGroup() {
    if (this.group) for (const row of themeRows(this.run, this.group.key, this.group.tally)) this.file.add(row);
    this.group = undefined;
  }

  /** To be called after the last batch. */
  end(): void {
    this.endGroup();
    for (const row of themeRows(this.run, null, this.runTally)) this.file.add(row);
  }
}
