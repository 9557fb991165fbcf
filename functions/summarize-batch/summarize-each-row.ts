import { themesTokensOf } from '../shared/answer-budget.ts';
import type { Run, StagedRow } from '../shared/contract.ts';
import { ContextOverflowError, UnusableSummaryError } from '../shared/errors.ts';
import { MAX_SPLIT_CALLS } from '../shared/limits.ts';
import type { Answer } from '../shared/outcome.ts';
import type { Log } from '../shared/ports.ts';
import type { BatchCalls, FoundAnswer } from './batch-calls.ts';
import { type BatchSummary, withoutSummary } from './batch-summary.ts';
import { type AnsweredRows, claimsIn } from './insights.ts';
import { rowCodes } from './output-check.ts';
import { mergeRequest, numberedRowsRequest } from './prompt.ts';
import { checkRowAnswer, readRowAnswer } from './row-answer.ts';
import { reasonOf, SPLIT_LIMIT, summarizeParts } from './summarize-parts.ts';
import { withThemes } from './theme-prompt.ts';

/** Times that a whole batch, or a row that is asked for alone after it, is asked for. Pieces are asked for once. */
const ASKS = 2;

interface WrongRow {
  row: StagedRow;
  code: string;
}

/**
 * Each row of a batch with a summary of its own, by one call. Rows that the answer leaves out, has twice, leaves without words or gives an
 * address that they do not hold are asked for again, all in one call; what is wrong then is asked for alone, and fails where that does not
 * help. A batch that the model does not take or answer at all is halved. With roll-up the batch's own summary is then made of those of its rows.
 * @throws what `calls.ask` throws for another reason than these rows.
 */
export async function summarizeEachRow(rows: readonly StagedRow[], calls: BatchCalls, run: Run, log: Log): Promise<BatchSummary> {
  const asked = new RowCalls(calls, run, log);
  const wrong = await asked.halving(rows);
  const left = await asked.again(wrong);
  for (const { row } of left.length > 1 ? left : []) await asked.alone(row);
  for (const { row, code } of left.length > 1 ? [] : left) asked.fail(row, code);

  const summarized = rows.flatMap((row) => {
    const summary = asked.summaries.get(row.rowNumber);
    return summary === undefined ? [] : [{ rowNumber: row.rowNumber, summary }];
  });
  const failedRows = rows.flatMap(({ rowNumber }) => {
    const code = asked.failures.get(rowNumber);
    return code === undefined ? [] : [{ rowNumber, code }];
  });
  const failure = failedRows.length > 0 ? failureOf(failedRows) : null;
  const { first } = asked;
  if (!first || summarized.length === 0) return withoutSummary(rows.length, failure ?? reasonOf(null));

  const paragraph = run.settings.rollUp ? await paragraphOf(summarized, first, calls, run) : null;
  const found = paragraph?.found ?? first;
  const rowsOut = run.settings.rollUp ? rows.length - (paragraph?.rows ?? 0) : failedRows.length;
  const error = failure ?? paragraph?.error ?? null;
  return {
    status: error === null ? 'ok' : 'partial',
    answer: { ...found.content.answer, text: paragraph?.text ?? null },
    error,
    failedRows,
    rowsFailed: rowsOut,
    rowSummaries: summarized,
    ...claimsIn(asked.answered, run.settings, new Set(failedRows.map(({ rowNumber }) => rowNumber))),
    promptVersion: found.content.promptVersion,
    contentKey: found.contentKey,
    isForeign: asked.isForeign || found.content.paidBy.runId !== run.runId,
  };
}

/** Why some rows of a batch have no summary: the code of the last, and all of them counted. */
function failureOf(failed: readonly { code: string }[]) {
  const counts = new Map<string, number>();
  for (const { code } of failed) counts.set(code, (counts.get(code) ?? 0) + 1);
  const reasons = [...counts].map(([code, rows]) => `${rows} ${code}`).join(', ');
  return { code: failed.at(-1)?.code ?? 'unusable', message: `Rows without a summary of their own: ${reasons}` };
}

interface Paragraph {
  found: FoundAnswer | null;
  text: Answer['text'] | null;
  /** Rows that it stands for. */
  rows: number;
  error: { code: string; message: string } | null;
}

/** The batch's own summary, made of those of its rows. That of a single row stands for the batch as it is. */
async function paragraphOf(
  summarized: readonly { summary: string }[],
  first: FoundAnswer,
  calls: BatchCalls,
  { settings }: Run,
): Promise<Paragraph> {
  const [only, ...others] = summarized;
  if (only && others.length === 0) return { found: first, text: only.summary, rows: 1, error: null };
  const requestOf = (part: typeof summarized) =>
    mergeRequest(
      part.map(({ summary }) => ({ rows: 1, summary })),
      settings,
    );
  const textOf = ({ summary }: { summary: string }) => summary;
  const { found, refused, error } = await summarizeParts(summarized, { requestOf, textOf, weightOf: () => 1 }, calls, settings);
  return {
    found,
    text: found?.content.answer.text ?? null,
    rows: summarized.length - refused.length,
    error: refused.length > 0 ? reasonOf(error) : null,
  };
}

/** The calls for the rows of one batch, and what has come of them. */
class RowCalls {
  readonly summaries = new Map<number, string>();
  /** Code of each row that will have no summary. */
  readonly failures = new Map<number, string>();
  /** The first answer that served. */
  first: FoundAnswer | undefined;
  /** Answers that were asked for themes, too, with the rows that they are about. */
  readonly answered: AnsweredRows[] = [];
  /** Some answer was paid by another run. */
  isForeign = false;
  private readonly calls: BatchCalls;
  private readonly run: Run;
  private readonly log: Log;
  private callsLeft = 1 + MAX_SPLIT_CALLS;

  constructor(calls: BatchCalls, run: Run, log: Log) {
    this.calls = calls;
    this.run = run;
    this.log = log;
  }

  fail(row: StagedRow, code: string): void {
    this.failures.set(row.rowNumber, code);
  }

  /** Asks for rows, in halves where they get no answer together. @returns those that an answer had wrong. */
  async halving(rows: readonly StagedRow[]): Promise<WrongRow[]> {
    const wrong: WrongRow[] = [];
    const pending: (readonly StagedRow[])[] = [rows];
    for (let piece = pending.pop(); piece; piece = pending.pop()) {
      const result = await this.ask(piece, piece === rows ? ASKS : 1, this.run.settings.insights);
      if (Array.isArray(result)) wrong.push(...result);
      else if (result === SPLIT_LIMIT || piece.length === 1) for (const row of piece) this.fail(row, codeOf(result));
      else {
        const middle = Math.ceil(piece.length / 2);
        pending.push(piece.slice(middle), piece.slice(0, middle));
      }
    }
    return wrong;
  }

  /** Asks for the rows that an answer had wrong, all in one call; once more for the rest of an answer that was cut. @returns what is wrong still. */
  async again(wrong: readonly WrongRow[]): Promise<readonly WrongRow[]> {
    let left = wrong;
    for (let isWorthIt = left.length > 0; isWorthIt; ) {
      const result = await this.ask(
        left.map(({ row }) => row),
        left.length === 1 ? ASKS : 1,
      );
      const rest = Array.isArray(result) ? result : left.map(({ row }) => ({ row, code: codeOf(result) }));
      // An answer that was too long for its limit is made good by answers to fewer rows, not by one to each.
      isWorthIt = Array.isArray(result) && this.wasCut && rest.length > 0 && rest.length < left.length;
      left = rest;
    }
    return left;
  }

  async alone(row: StagedRow): Promise<void> {
    const result = await this.ask([row], 1);
    for (const wrong of Array.isArray(result) ? result : [{ code: codeOf(result) }]) this.fail(row, wrong.code);
  }

  private wasCut = false;

  /** @returns the rows that the answer had wrong, or why there is no answer. */
  private async ask(
    rows: readonly StagedRow[],
    maxAsks: number,
    hasThemes = false,
  ): Promise<WrongRow[] | UnusableSummaryError | ContextOverflowError | typeof SPLIT_LIMIT> {
    if (this.callsLeft-- <= 0) return SPLIT_LIMIT;
    const texts = rows.map(({ text }) => text);
    try {
      const { settings } = this.run;
      const plain = numberedRowsRequest(texts, settings);
      const request = hasThemes ? withThemes(plain, themesTokensOf(texts.length, settings)) : plain;
      const found = await this.calls.ask(request, (answer) => checkRowAnswer(answer, texts), maxAsks);
      if (hasThemes) this.answered.push({ parts: rows, answer: found.content.answer.text });
      return this.take(found, rows, texts);
    } catch (error) {
      if (error instanceof UnusableSummaryError || error instanceof ContextOverflowError) return error;
      throw error;
    }
  }

  private take(found: FoundAnswer, rows: readonly StagedRow[], texts: readonly string[]): WrongRow[] {
    this.first ??= found;
    this.isForeign ||= found.content.paidBy.runId !== this.run.runId;
    this.wasCut = found.content.answer.finishReason === 'length';
    const answer = readRowAnswer(found.content.answer.text, texts);
    const wrong: WrongRow[] = [];
    answer.rows.forEach(({ summary, code }, index) => {
      const row = rows[index] as StagedRow;
      if (summary === undefined) wrong.push({ row, code });
      else this.summaries.set(row.rowNumber, summary);
    });
    if (wrong.length > 0 || answer.foreign > 0) {
      const counted = (of: string) => wrong.filter(({ code }) => code === of).length;
      const [missing, doubled, empty] = [counted(rowCodes.missing), counted(rowCodes.doubled), counted(rowCodes.empty)];
      this.log.info('row summaries that do not serve', {
        ...{ rows: rows.length, missing, doubled, empty, otherwise: wrong.length - missing - doubled - empty },
        ...{ foreign: answer.foreign, isCut: this.wasCut },
      });
    }
    return wrong;
  }
}

const codeOf = (reason: UnusableSummaryError | ContextOverflowError | typeof SPLIT_LIMIT): string =>
  reason === SPLIT_LIMIT ? SPLIT_LIMIT : (reason.code ?? 'unusable');
