import * as z from 'zod';
import { addPayments, noPayments, outcomeSchema } from '../shared/outcome.ts';
import type { Plan } from '../shared/plan.ts';
import type { BatchFate } from './batch-fate.ts';
import type { ClaimRoots } from './theme-paths.ts';
import { ThemeTally, themeSumSchema } from './theme-tally.ts';

const count = z.int().min(0);

/** The first line of `level-0/sums/`: what all batches of a part come to. */
export const partSumSchema = z.object({
  /** The batches of a part are numbered through from here; 0 where it has none. */
  firstBatchId: count,
  batches: count,
  themes: themeSumSchema.optional(),
});
export type PartSum = z.infer<typeof partSumSchema>;

/** Each further line: what the batches of one group come to that are in the part, in the order of the groups. */
export const groupSumSchema = z.object({
  groupKey: z.string(),
  batches: count,
  rowsFailed: count,
  /** null where the price of an answer is unknown. */
  costUsd: z.number().nullable(),
  /** The batch where there is one alone: it may be the root of its group. */
  lone: z.object({ batchId: count, status: outcomeSchema.shape.status, text: z.string().nullable() }).nullable(),
  themes: themeSumSchema.optional(),
});
export type GroupSum = z.infer<typeof groupSumSchema>;

/** What a batch or fold of a group adds to it by itself. */
export function sumOf({ batch, status, answer, rowsFailed, payments }: BatchFate, groupKey: string): GroupSum {
  const { costUsd } = addPayments(noPayments(), payments);
  return { groupKey, batches: 1, rowsFailed, costUsd, lone: { batchId: batch.batchId, status, text: answer?.text ?? null } };
}

/**
 * Whether the step that writes the levels needs sums of level 0: for what groups cost and themes count. Without either it reads no outcome of level 0
 * but that of a lone batch.
 */
export const needsSums = ({ counts, settings }: Pick<Plan, 'counts' | 'settings'>): boolean =>
  counts.groups !== null || countsThemes(settings);

const countsThemes = ({ insights, rollUp }: Plan['settings']) => insights && rollUp;

/** Sums over the batches of a part, which are shown to it in their order. Holds a summary for each group of one batch. */
export class PartSums {
  private readonly part: PartSum = { firstBatchId: 0, batches: 0 };
  private readonly groups: GroupSum[] = [];
  private readonly ofPart: ThemeTally | null;
  private ofGroup: ThemeTally | null = null;

  constructor({ settings }: Pick<Plan, 'settings'>) {
    this.ofPart = countsThemes(settings) ? new ThemeTally() : null;
  }

  add(fate: BatchFate, roots: ClaimRoots): void {
    const { batch, claims } = fate;
    const summarizedRows = batch.rows - fate.rowsFailed;
    if (this.part.batches++ === 0) this.part.firstBatchId = batch.batchId;
    this.ofPart?.add(claims, summarizedRows, roots.run);
    if (batch.groupKey === null) return;
    const more = sumOf(fate, batch.groupKey);
    const last = this.groups.at(-1);
    if (last?.groupKey !== batch.groupKey) {
      this.endGroup();
      this.groups.push(more);
      this.ofGroup = this.ofPart && new ThemeTally();
    } else {
      last.batches++;
      last.rowsFailed += more.rowsFailed;
      last.costUsd = last.costUsd === null || more.costUsd === null ? null : last.costUsd + more.costUsd;
      last.lone = null;
    }
    this.ofGroup?.add(claims, summarizedRows, roots.group);
  }

  private endGroup() {
    const last = this.groups.at(-1);
    if (last && this.ofGroup) last.themes = this.ofGroup.sum();
    this.ofGroup = null;
  }

  /** The sum of the part, then those of its groups. To be called after the last batch. */
  all(): [PartSum, ...GroupSum[]] {
    this.endGroup();
    return [{ ...this.part, ...(this.ofPart && { themes: this.ofPart.sum() }) }, ...this.groups];
  }
}
