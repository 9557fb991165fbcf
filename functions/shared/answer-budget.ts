import { SUMMARY_OVERHEAD_TOKENS } from './fold.ts';
import { MAX_ANSWER_TOKENS, MAX_ASKED_THEMES } from './limits.ts';
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

/** Tokens that the themes of an answer take: a row is cited twice, a theme has a name, a statement and three quotes. */
const CITATION_TOKENS_PER_ROW = 25;
const TOKENS_PER_THEME = 100;

type AnswerSettings = Pick<Settings, 'granularity' | 'maxOutputTokens' | 'maxRowSummaryTokens' | 'insights'>;

/** Tokens for each row of an answer, and for all that an answer has once. */
function answerParts({ granularity, maxOutputTokens, maxRowSummaryTokens, insights }: AnswerSettings) {
  const isByRow = granularity === 'row';
  return {
    perRow: (isByRow ? maxRowSummaryTokens + ROW_ENTRY_TOKENS : 0) + (insights ? CITATION_TOKENS_PER_ROW : 0),
    once: (isByRow ? ANSWER_FRAME_TOKENS : maxOutputTokens) + (insights ? MAX_ASKED_THEMES * TOKENS_PER_THEME : 0),
  };
}

/** Most output tokens of the call that asks for so many rows. */
export function answerTokensOf(rows: number, settings: AnswerSettings): number {
  const { perRow, once } = answerParts(settings);
  return rows * perRow + once;
}

/** Most of them that themes take, where a call asks for any. */
export const themesTokensOf = (rows: number, settings: AnswerSettings): number =>
  answerTokensOf(rows, { ...settings, insights: true }) - answerTokensOf(rows, { ...settings, insights: false });

/** Rows of a batch at most: `batchRows`, fewer where the answer, or the merge of the rows' summaries, would not fit into a call. */
export function rowsPerCall(settings: Settings): number {
  const { perRow, once } = answerParts(settings);
  if (perRow === 0) return settings.batchRows;
  const longest = Math.min(MAX_ANSWER_TOKENS, modelFacts(settings.model).answerTokens);
  // Who sets a summary that leaves no room knows of a model that can say more.
  const answered = Math.floor(Math.max(longest - once, longest / 4) / perRow);
  const merged = hasMerges(settings)
    ? Math.floor(settings.maxBatchTokens / (settings.maxRowSummaryTokens + SUMMARY_OVERHEAD_TOKENS))
    : Number.POSITIVE_INFINITY;
  return Math.max(1, Math.min(settings.batchRows, answered, merged));
}

/** Whether a batch's own summary is made of those of its rows. */
const hasMerges = ({ granularity, rollUp }: Settings) => granularity === 'row' && rollUp;

/** Whether a batch's paragraph is a call of its own, made of the summaries of its rows. */
export const hasParagraphCalls = (settings: Settings): boolean => hasMerges(settings) && rowsPerCall(settings) > 1;
