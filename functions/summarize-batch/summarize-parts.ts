import { ContextOverflowError, UnusableSummaryError } from '../shared/errors.ts';
import { MAX_SPLIT_CALLS } from '../shared/limits.ts';
import type { SummaryAnswer, SummaryRequest } from '../shared/ports.ts';
import type { Settings } from '../shared/settings.ts';
import type { BatchCalls, FoundAnswer } from './batch-calls.ts';
import { checkOutput, NO_ENTRIES } from './output-check.ts';
import { mergeRequest } from './prompt.ts';

/** What a batch is made of (rows, or summaries), and how any of its parts are asked for. */
export interface Summarizable<Part> {
  requestOf(parts: readonly Part[]): SummaryRequest;
  /** The words that an answer may borrow addresses from. */
  textOf(part: Part): string;
  /** Rows that a part stands for in a merge. */
  weightOf(part: Part): number;
  /** The summary in an answer to `requestOf`, undefined where it has none. @default the answer as it is */
  summaryIn?(answer: string): string | undefined;
}

/** The one summary of some parts, and the parts that are not in it. */
interface PartsSummary<Part> {
  /** null where every part was refused. */
  found: FoundAnswer | null;
  refused: { part: Part; code: string }[];
  /** The parts that were not refused, by the answers that they have, as these came. */
  answered: { parts: readonly Part[]; answer: string }[];
  /** Why the last of the refused parts was; null where none was refused by itself. */
  error: UnusableSummaryError | ContextOverflowError | null;
}

/** A code for counting and words for people. Parts that are left out without having been refused by themselves were in too many pieces. */
export const reasonOf = (error: PartsSummary<unknown>['error']) =>
  error === null
    ? { code: SPLIT_LIMIT, message: `Not all of it is in the summary: it was refused in more than ${MAX_PIECES} pieces` }
    : { code: error.code ?? 'unusable', message: error.message };

export const SPLIT_LIMIT = 'split_limit' as const;

/** Times that a whole batch is asked for before it is split. Pieces are asked for once. */
const WHOLE_ASKS = 2;

/** What the extra calls of a batch leave for pieces: the whole may have been asked again, and their merge is asked for like a whole. */
const MAX_PIECES = MAX_SPLIT_CALLS - (WHOLE_ASKS - 1) - WHOLE_ASKS;

interface Piece {
  rows: number;
  found: FoundAnswer;
}

const isSplittable = (error: unknown): error is UnusableSummaryError | ContextOverflowError =>
  error instanceof UnusableSummaryError || error instanceof ContextOverflowError;

const withText = (found: FoundAnswer, text: string): FoundAnswer => ({
  ...found,
  content: { ...found.content, answer: { ...found.content.answer, text } },
});

/** @throws UnusableSummaryError: the answer has no summary. */
function summaryOf({ text, usage }: SummaryAnswer, summaryIn: (answer: string) => string | undefined): string {
  const summary = summaryIn(text);
  if (summary !== undefined) return summary;
  throw new UnusableSummaryError('The answer has no summary in the shape that was asked for', { code: NO_ENTRIES, usage });
}

/**
 * Summarizes parts by one call; where the model cannot take or does not answer them together, halves them until the offending part stands
 * alone, and merges the summaries of the rest by one call. One bad part among n costs at most 2 * ceil(log2(n)) + 2 extra calls.
 * @throws what `calls.ask` throws for another reason than these parts.
 */
export async function summarizeParts<Part>(
  parts: readonly Part[],
  { requestOf, textOf, weightOf, summaryIn = (answer) => answer }: Summarizable<Part>,
  calls: BatchCalls,
  settings: Settings,
): Promise<PartsSummary<Part>> {
  const pieces: Piece[] = [];
  const refused: PartsSummary<Part>['refused'] = [];
  const answered: PartsSummary<Part>['answered'] = [];
  let lastError: PartsSummary<Part>['error'] = null;
  let piecesLeft = 1 + MAX_PIECES;

  const refuse = (left: readonly Part[], code: string) => {
    for (const part of left) refused.push({ part, code });
  };
  const pending: (readonly Part[])[] = [parts];
  for (let piece = pending.pop(); piece; piece = pending.pop()) {
    if (piecesLeft-- === 0) {
      for (const left of [piece, ...pending]) refuse(left, SPLIT_LIMIT);
      break;
    }
    try {
      const check = (answer: SummaryAnswer) => checkOutput({ ...answer, text: summaryOf(answer, summaryIn) }, piece.map(textOf));
      const found = await calls.ask(requestOf(piece), check, piece === parts ? WHOLE_ASKS : 1);
      const { answer } = found.content;
      answered.push({ parts: piece, answer: answer.text });
      pieces.push({
        rows: piece.reduce((rows, part) => rows + weightOf(part), 0),
        found: withText(found, summaryIn(answer.text) ?? ''),
      });
    } catch (error) {
      if (!isSplittable(error)) throw error;
      if (piece.length === 1) {
        lastError = error;
        refuse(piece, lastError.code ?? 'unusable');
      } else {
        const middle = Math.ceil(piece.length / 2);
        pending.push(piece.slice(middle), piece.slice(0, middle));
      }
    }
  }
  return { found: await mergePieces(pieces, calls, settings), refused, answered, error: lastError };
}

async function mergePieces(pieces: readonly Piece[], calls: BatchCalls, settings: Settings): Promise<FoundAnswer | null> {
  if (pieces.length <= 1) return pieces[0]?.found ?? null;
  const parts = pieces.map(({ rows, found }) => ({ rows, summary: found.content.answer.text }));
  const summaries = parts.map(({ summary }) => summary);
  try {
    return await calls.ask(mergeRequest(parts, settings), (answer) => checkOutput(answer, summaries), WHOLE_ASKS);
  } catch (error) {
    if (!isSplittable(error)) throw error;
    // The model takes the pieces and not their sum: they stand one after the other.
    const [{ found }] = pieces as [Piece];
    return withText(found, summaries.join('\n\n'));
  }
}
