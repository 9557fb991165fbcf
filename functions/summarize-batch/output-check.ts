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

/**
 * Refuses an answer with a web address, an e-mail address or a code fence that stands in none of the texts.
 * @throws UnusableSummaryError
 */
export function checkOutput(answer: SummaryAnswer, texts: readonly string[]): void {
  for (const { code, pattern } of borrowed) {
    const found = answer.text.match(pattern);
    if (!found) continue;
    const source = texts.join('\n').toLowerCase();
    const isForeign = found.some((mark) => !source.includes((mark.replace(endPunctuation, '') || mark).toLowerCase()));
    if (isForeign)
      throw new UnusableSummaryError('The answer holds an address or a code block that no text holds', { code, usage: answer.usage });
  }
}

/** Failures that another answer to the same question may not have; the others are properties of the texts. */
export const isWorthAskingAgain = (code: string | undefined) => code === 'empty' || borrowed.some((check) => check.code === code);
