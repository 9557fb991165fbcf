import { UnusableSummaryError } from '../shared/errors.ts';
import type { AnswerFormat, SummaryAnswer } from '../shared/ports.ts';
import { jsonIn, objectWith } from './answer-json.ts';
import { foreignMark, NO_ENTRIES, rowCodes } from './output-check.ts';

/** A summary for each row of a request, by the row's number in it. The schema is the same for any number of rows: endpoints keep what they made of one. */
export const rowSummariesFormat: AnswerFormat = {
  name: 'row_summaries',
  schema: {
    type: 'object',
    properties: {
      rows: {
        type: 'array',
        items: {
          type: 'object',
          properties: { row: { type: 'integer' }, summary: { type: 'string' } },
          required: ['row', 'summary'],
          additionalProperties: false,
        },
      },
    },
    required: ['rows'],
    additionalProperties: false,
  },
};

/** What an answer says of one row: its summary, or the code of what is wrong with it. */
export type RowVerdict = { summary: string; code?: undefined } | { code: string; summary?: undefined };

export interface RowAnswer {
  /** In the order of the request's texts. */
  rows: RowVerdict[];
  /** Entries of rows that the request has not. */
  foreign: number;
}

/** What an answer says of each of the texts that it was asked for. */
export function readRowAnswer(answer: string, texts: readonly string[]): RowAnswer {
  const said = new Map<number, string[]>();
  let foreign = 0;
  for (const { row, summary } of entriesIn(answer)) {
    const number = typeof row === 'string' && /^\d{1,9}$/.test(row) ? Number(row) : row;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < 1 || number > texts.length) foreign++;
    else {
      const summaries = said.get(number) ?? [];
      said.set(number, summaries);
      // A second one tells all: an answer may go on with the same row to its end.
      if (summaries.length < 2) summaries.push(typeof summary === 'string' ? summary.trim().toWellFormed() : '');
    }
  }
  return { rows: texts.map((text, index) => verdictOn(said.get(index + 1) ?? [], text)), foreign };
}

function verdictOn(summaries: readonly string[], text: string): RowVerdict {
  const [summary, ...others] = summaries;
  if (summary === undefined) return { code: rowCodes.missing };
  // Which of two is the row's own nobody can know: a text may have asked for the other.
  if (others.length > 0) return { code: rowCodes.doubled };
  if (summary === '') return { code: rowCodes.empty };
  const code = foreignMark(summary, [text]);
  return code === undefined ? { summary } : { code };
}

type Entry = Partial<Record<'row' | 'summary', unknown>>;
const isEntry = (value: unknown): value is Entry => typeof value === 'object' && value !== null && Object.hasOwn(value, 'row');

/** The entries of an answer: the list as asked for, or, from endpoints that know no schemas, a bare list or one object after the other. */
function entriesIn(answer: string): Entry[] {
  const asked = objectWith('rows', answer)?.rows as unknown[] | undefined;
  if (asked) return asked.filter(isEntry);
  return jsonIn(answer).flat().filter(isEntry);
}

/**
 * Refuses an answer that has no good summary of any of the texts; one that lacks some rows serves for the others.
 * @throws UnusableSummaryError: with the code that all rows share, else `no_entries`; `answer_cut` where the output limit left nothing whole.
 */
export function checkRowAnswer(answer: SummaryAnswer, texts: readonly string[]): void {
  const { rows } = readRowAnswer(answer.text, texts);
  const [first] = rows;
  if (rows.some(({ summary }) => summary !== undefined)) return;
  const isShared = rows.every(({ code }) => code === first?.code);
  const isMissing = isShared && first?.code === rowCodes.missing;
  const code = isMissing && answer.finishReason === 'length' ? rowCodes.cut : isShared && !isMissing ? first?.code : undefined;
  throw new UnusableSummaryError('The answer has no summary of any of the rows', { code: code ?? NO_ENTRIES, usage: answer.usage });
}
