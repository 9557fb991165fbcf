import { foldShapeOf } from '../../functions/shared/fold.ts';
import { costUsd } from '../../functions/shared/model-catalog.ts';
import type { Settings } from '../../functions/shared/settings.ts';

/** What some calls took. */
export interface Taken {
  inputTokens: number;
  outputTokens: number;
  costUsd: number | null;
}

interface WholeFile {
  endpoint: string;
  settings: Settings;
  /** Batches of the sample. */
  batchCount: number;
  batchScale: number;
  /** @default batchScale: no row of the sample failed */
  costScale?: number;
}

/**
 * What the whole file would cost: its batches, `batchScale` times as many, `costScale` times as much as those of the sample, and its folds by their
 * number, since that does not grow with the rows alone. null where a price is unknown.
 * @param folds what the calls above the batches took.
 */
export function wholeCostUsd(
  { batches, folds }: { batches: Taken; folds: Taken },
  { endpoint, settings, batchCount, batchScale, costScale = batchScale }: WholeFile,
): number | null {
  const priceOf = (tokens: Pick<Taken, 'inputTokens' | 'outputTokens'>) => costUsd(endpoint, settings.model, null, tokens);
  const standard = priceOf(batches);
  if (batches.costUsd === null || standard === null) return null;
  // A tier has its own price, which is the same for folds.
  const factor = standard > 0 ? batches.costUsd / standard : 0;
  const [sampled, whole] = [foldShapeOf(batchCount, settings), foldShapeOf(Math.round(batchCount * batchScale), settings)];
  // A sample of one batch has no fold: its own summary stands for what one would take and give.
  const perSummary = sampled.foldedSummaries > 0 ? folds.inputTokens / sampled.foldedSummaries : batches.outputTokens / batchCount;
  const perFold = sampled.allFolds > 0 ? folds.outputTokens / sampled.allFolds : batches.outputTokens / batchCount;
  const ofFolds = priceOf({ inputTokens: perSummary * whole.foldedSummaries, outputTokens: perFold * whole.allFolds }) ?? 0;
  return batches.costUsd * costScale + ofFolds * factor;
}
