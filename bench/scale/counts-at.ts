import { shareOfFunction } from '../../functions/plan-batches/plan-batches.ts';
import { FoldShape } from '../../functions/shared/fold.ts';
import { FAN_IN, PART_ROWS } from '../../functions/shared/limits.ts';
import { defaultSettings } from '../../functions/shared/settings.ts';
import { billOf, type Prices, type StepSeconds } from '../costs/cost-page.ts';
import type { Counts } from '../costs/counted-run.ts';

/** Transitions of a child that has nothing to wait for: its start, summarize-batch, ChooseMore, BatchesDone. */
const CHILD_TRANSITIONS = 4;
/** Its start and write-tables. */
const WRITING_TRANSITIONS = 2;
/** States that a run enters once: begin, the map over the parts, finish-run, ChooseOutcome, RunEnded. */
const RUN_STATES = 5;
/** plan-batches and ChooseNext, each time that it plans. */
const PLANNING_STATES = 2;

/** Batches of each level of a run whose fold shape nothing narrows, level 0 first. */
export function batchesOfLevels(rows: number): number[] {
  const shape = new FoldShape(Math.ceil(rows / defaultSettings.batchRows), FAN_IN);
  return shape.places.map((places, level) => (level === 0 ? places : shape.folds(level)));
}

/**
 * What a run of so many rows is billed for, from a run that was counted: requests of S3 and DynamoDB and tokens go with the model calls; states
 * and invocations follow from the workflow.
 * @param planCalls invocations that stage the rows, the last of which plans all levels.
 */
export function countsAt(rows: number, counted: Counts, planCalls = 1): Counts {
  const levels = batchesOfLevels(rows);
  const calls = levels.reduce((sum, batches) => sum + batches, 0);
  const times = (count: number) => Math.round((count * calls) / counted.calls);
  const children = levels.reduce((sum, batches) => sum + Math.ceil(batches / shareOfFunction(batches)), 0);
  const parts = Math.ceil(rows / PART_ROWS) + 1;
  const plans = planCalls + levels.length;
  return {
    ...{ rows, calls, batches: levels[0] ?? 0, events: counted.events },
    ...{ s3Writes: times(counted.s3Writes), s3Reads: times(counted.s3Reads) },
    ...{ controlWrites: times(counted.controlWrites), controlReads: times(counted.controlReads) },
    ...{ inputTokens: times(counted.inputTokens), outputTokens: times(counted.outputTokens) },
    transitions: RUN_STATES + PLANNING_STATES * plans + levels.length + CHILD_TRANSITIONS * children + WRITING_TRANSITIONS * parts,
    invocations: { 'plan-batches': plans, 'summarize-batch': children, 'write-tables': parts, 'finish-run': 1 },
  };
}

/** Tokens of a review of 300 characters, and of an answer to a hundred of them. */
const LONGER = { rowTokens: 75, answerTokens: 150 };

/** The same requests for texts as README counts them: reviews of 300 characters. */
export const ofLongerTexts = (counts: Counts): Counts => ({
  ...counts,
  inputTokens: Math.max(counts.inputTokens, counts.rows * LONGER.rowTokens),
  outputTokens: Math.max(counts.outputTokens, counts.calls * LONGER.answerTokens),
});

export interface Share {
  service: string;
  usd: number;
  /** Of what the model costs, in percent. */
  percent: number;
}

/** Dollars that AWS takes for a run, service by service, and all of them together, as shares of the model's. */
export function sharesOf(counts: Counts, prices: Prices, seconds?: StepSeconds): { modelUsd: number; services: Share[]; all: Share } {
  const [model, ...services] = billOf(counts, prices, seconds);
  const modelUsd = model?.usd ?? 0;
  const shareOf = (service: string, usd: number): Share => ({ service, usd, percent: (100 * usd) / modelUsd });
  const all = services.reduce((sum, { usd }) => sum + usd, 0);
  return { modelUsd, services: services.map(({ service, usd }) => shareOf(service, usd)), all: shareOf('All of AWS', all) };
}
