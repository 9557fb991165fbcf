import { type BatchName, RunFolds } from '../shared/fold.ts';
import type { PlanCounts } from '../shared/plan.ts';
import type { Settings } from '../shared/settings.ts';

/** The roll-up of a planned upload, to which its groups are given in their order. */
export const runFoldsOf = ({ groups, largestGroupBatches }: PlanCounts, settings: Settings): RunFolds =>
  new RunFolds({ groups: groups ?? 1, largestGroupBatches }, settings);

/** A manifest line that lacks its last key, with it. Lines are not parsed for that: there may be millions. */
export const withParent = (line: string, parent: BatchName | null): string => `${line.slice(0, -1)},"parent":${JSON.stringify(parent)}}`;
