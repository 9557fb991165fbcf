import type { StagedRow } from '../shared/contract.ts';
import { ContextOverflowError, UnusableSummaryError } from '../shared/errors.ts';
import { MAX_SPLIT_CALLS } from '../shared/limits.ts';
import type { Settings } from '../shared/settings.ts';
import type { BatchCalls, FoundAnswer } from './batch-calls.ts';
import { mergeRequest, rowsRequest } from './prompt.ts';

/** The one summary of some rows, and the rows that are not in it. */
export interface RowsSummary {
  /** null where every row failed. */
  answer: FoundAnswer | null;
  failedRows: { rowNumber: number; code: string }[];
  /** Why the last of the failed rows failed. */
  error: UnusableSummaryError | ContextOverflowError | null;
}

/** Times that a whole batch is asked for before it is split. Pieces are asked for once. */
const WHOLE_ASKS = 2;

/** What the extra calls of a batch leave for pieces: the whole may have been asked again, and their merge is asked for like a whole. */
const MAX_PIECES = MAX_SPLIT_CALLS - (WHOLE_ASKS - 1) - WHOLE_ASKS;

interface Piece {
  rows: readonly StagedRow[];
  found: FoundAnswer;
}

const isSplittable = (error: unknown): error is UnusableSummaryError | ContextOverflowError =>
  error instanceof UnusableSummaryError || error instanceof ContextOverflowError;

/**
 * Summarizes rows by one call; where the model cannot take or does not answer them together, halves them until the offending row stands
 * alone, and merges the summaries of the rest by one call. One bad row among n costs at most 2 * ceil(log2(n)) + 2 extra calls.
 * @throws what `calls.ask` throws for another reason than these rows.
 */
export async function summarizeRows(rows: readonly StagedRow[], calls: BatchCalls, settings: Settings): Promise<RowsSummary> {
  const pieces: Piece[] = [];
  const failedRows: RowsSummary['failedRows'] = [];
  let lastError: RowsSummary['error'] = null;
  let partsLeft = 1 + MAX_PIECES;

  const fail = (failed: readonly StagedRow[], code: string) => {
    for (const { rowNumber } of failed) failedRows.push({ rowNumber, code });
  };
  const pending: (readonly StagedRow[])[] = [rows];
  for (let part = pending.pop(); part; part = pending.pop()) {
    if (partsLeft-- === 0) {
      for (const left of [part, ...pending]) fail(left, 'split_limit');
      break;
    }
    try {
      const texts = part.map(({ text }) => text);
      const found = await calls.ask(rowsRequest(texts, settings), texts, part === rows ? WHOLE_ASKS : 1);
      pieces.push({ rows: part, found });
    } catch (error) {
      if (!isSplittable(error)) throw error;
      if (part.length === 1) {
        lastError = error;
        fail(part, lastError.code ?? 'unusable');
      } else {
        const middle = Math.ceil(part.length / 2);
        pending.push(part.slice(middle), part.slice(0, middle));
      }
    }
  }
  const answer = await mergePieces(pieces, calls, settings);
  return { answer, failedRows: failedRows.sort((one, other) => one.rowNumber - other.rowNumber), error: lastError };
}

async function mergePieces(pieces: readonly Piece[], calls: BatchCalls, settings: Settings): Promise<FoundAnswer | null> {
  if (pieces.length <= 1) return pieces[0]?.found ?? null;
  const parts = pieces.map(({ rows, found }) => ({ rows: rows.length, summary: found.content.answer.text }));
  const summaries = parts.map(({ summary }) => summary);
  try {
    return await calls.ask(mergeRequest(parts, settings), summaries, WHOLE_ASKS);
  } catch (error) {
    if (!isSplittable(error)) throw error;
    // The model takes the pieces and not their sum: they stand one after the other.
    const [{ found }] = pieces as [Piece];
    return { ...found, content: { ...found.content, answer: { ...found.content.answer, text: summaries.join('\n\n') } } };
  }
}
