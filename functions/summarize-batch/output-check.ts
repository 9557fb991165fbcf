import { UnusableSummaryError } from '../shared/errors.ts';
import type { SummaryAnswer } from '../shared/ports.ts';

/** What a summary may hold only where a text holds it: the marks of a model that followed a row instead of reading it. */
const borrowed = [
  { code: 'unexpected_url', pattern: /(?:https?:\/\/|www\.)[^\s<>"')\]。，、；：！？]+/giu },
  { code: 'unexpected_email', pattern: /[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/giu },
  { code: 'unexpected_code', pattern: /```/gu },
] as const;

/** Marks of the sentence around an address: stops, quotes and emphasis of any script. */
const endPunctuation = /[\p{P}\p{S}]+$/u;

/** @returns why a text is no summary of these: code of the address or code fence in it that stands in none of them; undefined where there is none. */
export function foreignMark(summary: string, texts: readonly string[]): string | undefined {
  for (const { code, pattern } of borrowed) {
    const found = summary.match(pattern);
    if (!found) continue;
    const source = texts.join('\n').toLowerCase();
    if (found.some((mark) => !source.includes((mark.replace(endPunctuation, '') || mark).toLowerCase()))) return code;
  }
  return undefined;
}

/**
 * Refuses an answer with a web address, an e-mail address or a code fence that stands in none of the texts.
 * @throws UnusableSummaryError
 */
export function checkOutput(answer: SummaryAnswer, texts: readonly string[]): void {
  const code = foreignMark(answer.text, texts);
  if (code === undefined) return;
  throw new UnusableSummaryError('The answer holds an address or a code block that no text holds', { code, usage: answer.usage });
}

/** An answer that should be JSON and is not, or has none of the entries that were asked for. */
export const NO_ENTRIES = 'no_entries';

/** What can be wrong with the one row of an answer that gives each row a summary; `cut`: the output limit left nothing of it. */
export const rowCodes = { missing: 'row_missing', doubled: 'row_doubled', empty: 'row_empty', cut: 'answer_cut' } as const;

const worthAskingAgain = new Set<string | undefined>([
  'empty',
  NO_ENTRIES,
  rowCodes.doubled,
  rowCodes.empty,
  ...borrowed.map(({ code }) => code),
]);

/** Failures that another answer to the same question may not have; the others are properties of the texts. */
export const isWorthAskingAgain = (code: string | undefined) => worthAskingAgain.has(code);
