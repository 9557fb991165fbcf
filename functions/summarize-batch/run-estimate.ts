import { answerTokensOf, hasParagraphCalls, rowsPerCall } from '../shared/answer-budget.ts';
import { type FoldShape, foldShapeOf, SUMMARY_OVERHEAD_TOKENS } from '../shared/fold.ts';
import type { PlanCounts } from '../shared/plan.ts';
import type { Settings } from '../shared/settings.ts';
import { mergeOverheadTokens, requestOverheadTokens } from './prompt.ts';

/** What a run asks for, before anything is asked or found. */
export interface RunEstimate {
  /** Of all kinds and levels. A batch of a single row needs no call for its paragraph: of those there may be fewer. */
  calls: number;
  /** Calls that make a batch's paragraph of its rows' summaries. */
  paragraphs: number;
  /** Calls that fold summaries of batches. */
  folds: number;
  /** Upper estimates of the tokens of all of them. */
  inputTokens: number;
  outputTokens: number;
}

/** @param counts of the staged rows; `inputTokens` are those of their texts. */
export function runEstimate(
  counts: Pick<PlanCounts, 'batches' | 'rowsStaged' | 'inputTokens'>,
  settings: Settings,
  shape: Pick<FoldShape, 'allFolds' | 'foldedSummaries'> = foldShapeOf(counts.batches, settings),
): RunEstimate {
  const { batches, rowsStaged } = counts;
  const folds = shape.allFolds;
  const paragraphs = hasParagraphCalls(settings) ? batches : 0;
  const merged = paragraphs > 0 ? rowsStaged * (settings.maxRowSummaryTokens + SUMMARY_OVERHEAD_TOKENS) : 0;
  const folded = shape.foldedSummaries * (settings.maxOutputTokens + SUMMARY_OVERHEAD_TOKENS);
  const ofRows = settings.granularity === 'row' ? answerTokensOf(rowsStaged, settings) + (batches - 1) * answerTokensOf(0, settings) : 0;
  const ofTexts = settings.granularity === 'row' ? paragraphs + folds : batches + folds;
  return {
    calls: batches + paragraphs + folds,
    paragraphs,
    folds,
    inputTokens:
      counts.inputTokens +
      batches * requestOverheadTokens(settings) +
      merged +
      folded +
      (paragraphs + folds) * mergeOverheadTokens(settings),
    outputTokens: ofRows + ofTexts * settings.maxOutputTokens,
  };
}

/** Most output tokens of a single call of the run. */
export const longestAnswerTokens = (settings: Settings): number =>
  Math.max(settings.maxOutputTokens, answerTokensOf(rowsPerCall(settings), settings));
