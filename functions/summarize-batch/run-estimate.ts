import { answerTokensOf, hasParagraphCalls, rowsPerCall } from '../shared/answer-budget.ts';
import { SUMMARY_OVERHEAD_TOKENS } from '../shared/fold.ts';
import type { Plan, PlanCounts } from '../shared/plan.ts';
import type { Settings } from '../shared/settings.ts';
import { longestNamesTokens, namesEstimate } from './names-prompt.ts';
import { mergeOverheadTokens, requestOverheadTokens } from './prompt.ts';

/** What a run asks for, before anything is asked or found. */
export interface RunEstimate {
  /** Of all kinds and levels. A batch of a single row needs no call for its paragraph: of those there may be fewer. */
  calls: number;
  /** Calls that make a batch's paragraph of its rows' summaries. */
  paragraphs: number;
  /** Calls that fold summaries of batches. */
  folds: number;
  /** Calls that name the themes that folds bring together; a fold that finds a single name needs none: of those, too, there may be fewer. */
  names: number;
  /** Upper estimates of the tokens of all of them. */
  inputTokens: number;
  outputTokens: number;
}

/** @param counts of the staged rows; `inputTokens` are those of their texts, `folds` those of each level. */
export function runEstimate(
  counts: Pick<PlanCounts, 'batches' | 'rowsStaged' | 'inputTokens'> & Pick<Plan, 'folds'>,
  settings: Settings,
): RunEstimate {
  const { batches, rowsStaged } = counts;
  const folds = counts.folds.reduce((sum, some) => sum + some, 0);
  // Every summary but the root's goes into one fold.
  const foldedSummaries = folds > 0 ? batches + folds - 1 : 0;
  const paragraphs = hasParagraphCalls(settings) ? batches : 0;
  const names = settings.insights ? folds : 0;
  const ofNames = names > 0 ? namesEstimate(names, foldedSummaries, settings) : { inputTokens: 0, outputTokens: 0 };
  const merged = paragraphs > 0 ? rowsStaged * (settings.maxRowSummaryTokens + SUMMARY_OVERHEAD_TOKENS) : 0;
  const folded = foldedSummaries * (settings.maxOutputTokens + SUMMARY_OVERHEAD_TOKENS);
  const ofRows = answerTokensOf(rowsStaged, settings) + (batches - 1) * answerTokensOf(0, settings);
  return {
    calls: batches + paragraphs + folds + names,
    paragraphs,
    folds,
    names,
    inputTokens:
      counts.inputTokens +
      batches * requestOverheadTokens(settings) +
      merged +
      folded +
      (paragraphs + folds) * mergeOverheadTokens(settings) +
      ofNames.inputTokens,
    outputTokens: ofRows + (paragraphs + folds) * settings.maxOutputTokens + ofNames.outputTokens,
  };
}

/** Most output tokens of a single call of the run. */
export const longestAnswerTokens = (settings: Settings): number =>
  Math.max(settings.maxOutputTokens, answerTokensOf(rowsPerCall(settings), settings), settings.insights ? longestNamesTokens(settings) : 0);
