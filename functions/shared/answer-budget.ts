import { SUMMARY_OVERHEAD_TOKENS } from './fold.ts';
import { MAX_ANSWER_TOKENS } from './limits.ts';
import { modelFacts } from './model-catalog.ts';
import type { Settings } from './settings.ts';

/*
 * How much a call on a batch of rows may answer, and how many rows it takes so that the answer fits. Everything that plans, estimates or asks
 * reads it here.
 */

/** Tokens of a row's entry in an answer beside its summary: its number and the JSON around both, also where it is set out over lines. */
const ROW_ENTRY_TOKENS = 20;
/** Tokens of an answer of JSON beside its entries: the object, and the fence or the words that some models put around it. */
const ANSWER_FRAME_TOKENS = 100;

const rowTokens = ({ maxRowSummaryTokens }: Pick<Settings, 'maxRowSummaryTokens'>) => maxRowSummaryTokens + ROW_ENTRY_TOKENS;

/** Most output tokens of the call that asks for so many rows. */
export const answerTokensOf = (
  rows: number,
  settings: Pick<Settings, 'granularity' | 'maxOutputTokens' | 'maxRowSummaryTokens'>,
): number => (settings.granularity === 'row' ? rows * rowTokens(settings) + ANSWER_FRAME_TOKENS : settings.maxOutputTokens);

/** Rows of a batch at most: `batchRows`, fewer where the answer, or the merge of the rows' summaries, would not fit into a call. */
export function rowsPerCall(settings: Settings): number {
  if (settings.granularity !== 'row') return settings.batchRows;
  const longest = Math.min(MAX_ANSWER_TOKENS, modelFacts(settings.model).answerTokens);
  const answered = Math.floor((longest - ANSWER_FRAME_TOKENS) / rowTokens(settings));
  const merged = settings.rollUp
    ? Math.floor(settings.maxBatchTokens / (settings.maxRowSummaryTokens + SUMMARY_OVERHEAD_TOKENS))
    : Number.POSITIVE_INFINITY;
  return Math.max(1, Math.min(settings.batchRows, answered, merged));
}

/** Whether a batch's paragraph is a call of its own, made of the summaries of its rows. */
export const hasParagraphCalls = (settings: Settings): boolean =>
  settings.granularity === 'row' && settings.rollUp && rowsPerCall(settings) > 1;
