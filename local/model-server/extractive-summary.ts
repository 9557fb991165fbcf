import { cutToTokens, estimateTokens } from './completion.ts';
import { cutCharacters, type Sentence, sentencesOf } from './sentences.ts';

/** Opens every summary, so that nobody takes it for a model's. */
export const offlinePrefix = 'Offline extract, no language model: ';

const maxSummaryCharacters = 700;
const defaultMaxOutputTokens = 250;
/** Three for what most rows say, and one for what the others say. */
const maxMainSentences = 3;

/**
 * A paragraph of up to four sentences of the rows, those that share most with the other rows, opened by `offlinePrefix`. Same rows, same paragraph.
 * At most 700 characters and `maxOutputTokens` as estimated; a prefix of an earlier summary in `rows` is not repeated.
 */
export const extractiveSummary = (rows: readonly string[], maxOutputTokens: number = defaultMaxOutputTokens): string => {
  const texts = rows.map((row) => (row.startsWith(offlinePrefix) ? row.slice(offlinePrefix.length) : row));
  const sentences = candidatesOf(sentencesOf(texts));
  if (sentences.length === 0) return limited('(no text)', maxOutputTokens);
  const rowTerms = termsByDocument(sentences);
  const main = mainSentences(sentences, rowTerms, maxOutputTokens);
  const other = minoritySentence(sentences, rowTerms, main, maxOutputTokens);
  return limited(paragraphOf(other ? [...main, other] : main), maxOutputTokens);
};

/** The sentences worth quoting; where there are none, those with at least a word; where there are none of those either, all. */
const candidatesOf = (sentences: Sentence[]): Sentence[] => {
  const quotable = sentences.filter(({ text, wordCount, terms }) => wordCount >= 4 && terms.length > 0 && text.length <= 300);
  if (quotable.length > 0) return quotable;
  const worded = sentences.filter(({ wordCount }) => wordCount > 0);
  return worded.length > 0 ? worded : sentences;
};

/** The terms of each row. A single row is taken apart: its sentences vote instead. */
const termsByDocument = (sentences: Sentence[]): Set<string>[] => {
  const byRow = new Map<number, Set<string>>();
  for (const { row, terms } of sentences) {
    const known = byRow.get(row) ?? new Set();
    for (const term of terms) known.add(term);
    byRow.set(row, known);
  }
  return byRow.size > 1 ? [...byRow.values()] : sentences.map(({ terms }) => new Set(terms));
};

const mainSentences = (sentences: Sentence[], rowTerms: Set<string>[], maxOutputTokens: number): Sentence[] => {
  const weights = termWeights(rowTerms);
  const shared = new Set([...weights.keys()].filter((term) => weights.get(term)! > unsharedWeight));
  const isAnythingShared = shared.size > 0;
  const chosen: Sentence[] = [];
  while (chosen.length < maxMainSentences) {
    const fits = roomAfter(chosen, maxOutputTokens);
    const repeats = repetitionOf(chosen);
    const fresh = sentences.filter((sentence) => fits(sentence) && !repeats(sentence));
    // Once something is said, only what rows share is worth adding, unless they share nothing at all.
    const worthy = chosen.length === 0 || !isAnythingShared ? fresh : fresh.filter(({ terms }) => terms.some((term) => shared.has(term)));
    const best = bestOf(worthy, weights, chosen);
    if (!best) break;
    chosen.push(best);
    for (const term of best.terms) {
      weights.set(term, weights.get(term)! / 8);
      shared.delete(term);
    }
  }
  return chosen.length > 0 ? chosen : sentences.slice(0, 1);
};

/**
 * The sentence that stands best for the rows that share next to nothing with the chosen ones, if it has two terms
 * that others of those rows have too: what fewer rows say, but not only one.
 */
const minoritySentence = (
  sentences: Sentence[],
  rowTerms: Set<string>[],
  chosen: Sentence[],
  maxOutputTokens: number,
): Sentence | undefined => {
  const said = new Set(chosen.flatMap(({ terms }) => terms));
  const others = rowTerms.filter((terms) => terms.size > 0 && !hasAtLeast(terms, said, 2));
  const weights = termWeights(others);
  for (const term of said) weights.delete(term);
  const fits = roomAfter(chosen, maxOutputTokens);
  const fresh = sentences.filter((sentence) => {
    const shared = sentence.terms.filter((term) => (weights.get(term) ?? 0) > unsharedWeight);
    return shared.length >= 2 && !hasAtLeast(sentence.terms, said, 2) && fits(sentence);
  });
  return bestOf(fresh, weights, chosen);
};

/** A term that one document alone has: enough to tell two sentences apart, never enough to outweigh a shared one. */
const unsharedWeight = 0.05;

/** How much a sentence gains by each term: the logarithm of the number of documents that have it. */
const termWeights = (documents: Set<string>[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const terms of documents) for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  for (const [term, count] of counts) counts.set(term, count === 1 ? unsharedWeight : Math.log2(count));
  return counts;
};

/** The highest-scoring sentence, the earliest among equals; a row that was quoted already counts half. */
const bestOf = (sentences: Sentence[], weights: Map<string, number>, chosen: Sentence[]): Sentence | undefined => {
  const quotedRows = new Set(chosen.map(({ row }) => row));
  let best: Sentence | undefined;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const sentence of sentences) {
    let score = 0;
    for (const term of sentence.terms) score += weights.get(term) ?? 0;
    // The constant keeps a sentence of four words from winning by being short.
    score /= sentence.wordCount + 12;
    if (quotedRows.has(sentence.row)) score /= 2;
    if (score > bestScore) [best, bestScore] = [sentence, score];
  }
  return best;
};

/** Tells whether a sentence says again what one of `chosen` says: the same words, or three of five terms. */
const repetitionOf = (chosen: Sentence[]): ((sentence: Sentence) => boolean) => {
  const said = chosen.map(({ text, terms }) => ({ text, terms: new Set(terms) }));
  return ({ text, terms }) => said.some((other) => other.text === text || hasAtLeast(terms, other.terms, Math.max(1, terms.length * 0.6)));
};

const hasAtLeast = (terms: Iterable<string>, among: ReadonlySet<string>, count: number): boolean => {
  let found = 0;
  for (const term of terms) if (among.has(term)) found += 1;
  return found >= count;
};

/** Tells whether a sentence fits behind `chosen`, a full stop and a space between them. */
const roomAfter = (chosen: Sentence[], maxOutputTokens: number): ((sentence: Sentence) => boolean) => {
  const line = `${offlinePrefix}${paragraphOf(chosen)}${chosen.length > 0 ? '. ' : ''}`;
  return ({ text }) => line.length + text.length <= maxSummaryCharacters && estimateTokens(line + text) <= maxOutputTokens;
};

/** The sentences in a line; one that ends without a mark gets a full stop before the next begins. */
const paragraphOf = (sentences: Sentence[]): string =>
  sentences.reduce((line, { text }) => (line === '' ? text : `${line}${/[\p{L}\p{N}]$/u.test(line) ? '.' : ''} ${text}`), '');

/** The prefixed paragraph, cut with an ellipsis where not even one sentence fits. */
const limited = (paragraph: string, maxOutputTokens: number): string => {
  const text = offlinePrefix + paragraph;
  if (text.length <= maxSummaryCharacters && estimateTokens(text) <= maxOutputTokens) return text;
  // One token less leaves four bytes, enough for the three of the ellipsis.
  const shorter = cutToTokens(cutCharacters(text, maxSummaryCharacters - 1), Math.max(0, maxOutputTokens - 1));
  return `${shorter.trimEnd()}…`;
};
