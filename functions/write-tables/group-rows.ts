import type { Run } from '../shared/contract.ts';
import { LedgerError } from '../shared/errors.ts';
import { type GroupLine, readGroups } from '../shared/group-line.ts';
import type { Plan } from '../shared/plan.ts';
import type { ObjectStore } from '../shared/ports.ts';
import { tables } from '../shared/tables.ts';
import { ParquetFile } from './parquet-file.ts';
import type { GroupSum } from './part-sums.ts';
import { groupSummaryRow } from './table-rows.ts';

/**
 * The rows of `group_summaries`. Sums of batches and of folds are shown to it level by level, from level 0 up, each level in the order of its batches:
 * a group's root comes after all else that was paid for the group. Holds one number a group.
 */
export class GroupRows {
  readonly file = new ParquetFile(tables.group_summaries);
  /** Rows of the groups that have a row here. */
  rowCount = 0;
  private readonly run: Run;
  private readonly work: ObjectStore;
  /** What the run has paid for each group so far, NaN where a price is unknown. */
  private readonly costs: Float64Array;
  private groups: AsyncIterator<GroupLine> | undefined;
  private current: { line: GroupLine; index: number; batchesSeen: number; rowsFailed: number } | undefined;

  constructor(run: Run, { counts }: Plan, work: ObjectStore) {
    this.run = run;
    this.work = work;
    this.costs = new Float64Array(counts.groups ?? 0);
  }

  /** To be called before the first batch of each level. */
  startLevel(): void {
    this.groups = readGroups(this.run, this.work)[Symbol.asyncIterator]();
    this.current = undefined;
  }

  /** @throws LedgerError: the batches are of no group. */
  async add(level: number, sum: GroupSum): Promise<void> {
    while (this.current?.line.groupKey !== sum.groupKey) {
      const next = await this.groups?.next();
      if (!next || next.done) throw new LedgerError(`Batches of level ${level} are of no group`, { code: 'groups_differ' });
      this.current = { line: next.value, index: (this.current?.index ?? -1) + 1, batchesSeen: 0, rowsFailed: 0 };
    }
    const { line, index } = this.current;
    this.current.batchesSeen += sum.batches;
    this.current.rowsFailed += sum.rowsFailed;
    this.costs[index] = (this.costs[index] ?? 0) + (sum.costUsd ?? Number.NaN);
    const { root } = line;
    if (root === null ? this.current.batchesSeen < line.batches : root.level !== level || root.batchId !== sum.lone?.batchId) return;
    const costUsd = this.costs[index] as number;
    const rowsFailed = root === null ? this.current.rowsFailed : sum.rowsFailed;
    this.file.add(groupSummaryRow(this.run, line, root && sum.lone, rowsFailed, Number.isNaN(costUsd) ? null : costUsd));
    this.rowCount += line.rows;
  }
}
