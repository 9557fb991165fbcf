import { stopWords } from './stop-words.ts';

export interface Sentence {
  /** The sentence as written, white space collapsed. */
  text: string;
  /** Which of the given texts it stands in. */
  row: number;
  /** All words, repetitions and stop words included: the measure of its length. */
  wordCount: number;
  /** The distinct words that carry meaning, normalised. */
  terms: string[];
}

/** Segmentation is the costly part: every text is cut to its share of this before it is looked at, long unbroken runs above all. */
const maxCharacters = 400_000;
const maxCharactersPerText = 2_000;
const minCharactersPerText = 200;

/** The locale is fixed so that the result is the same on every machine; the rules used here do not depend on it. */
const sentenceBreaks = new Intl.Segmenter('en', { granularity: 'sentence' });
const wordBreaks = new Intl.Segmenter('en', { granularity: 'word' });

/** Scripts that put no spaces between words: only there is the slow, dictionary-based word segmenter needed. */
const unspacedScript =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
/** White space that is not one plain space: replacing only this, rather than every run, halves the time of this step. */
const unevenSpace = /\s{2,}|[^\S ]/g;
const spacedWord = /[\p{L}\p{M}\p{N}]+(?:'[\p{L}\p{M}]+)*/gu;
/** Where hurried writers go on in lower case, which the segmenter takes for an abbreviation; three letters keep `e.g.` and `Mr.` whole. */
const lowerCaseStart = /(?<=\p{L}{3}[.!?]{1,3})\s+(?=\p{Ll})/u;
const hanCharacter = /^\p{Script=Han}$/u;

/** The sentences of all texts in their order. The cut end of an over-long text counts only where it is all there is. */
export const sentencesOf = (texts: readonly string[]): Sentence[] =>
  shorten(texts).flatMap(({ text, isCut }, row) => {
    const segments = Array.from(sentenceBreaks.segment(text), ({ segment }) => segment)
      .flatMap((segment) => segment.split(lowerCaseStart))
      .map((segment) => segment.trim().replace(unevenSpace, ' '))
      .filter(Boolean);
    const whole = isCut && segments.length > 1 ? segments.slice(0, -1) : segments;
    return whole.map((segment) => {
      const words = wordsOf(segment);
      return { text: segment, row, wordCount: words.length, terms: [...new Set(words)].filter(isTerm) };
    });
  });

/** The beginnings of the texts, 200 to 2,000 characters each: the fewer texts, the longer. */
export const shorten = (texts: readonly string[]): { text: string; isCut: boolean }[] => {
  const share = Math.floor(maxCharacters / Math.max(1, texts.length));
  const limit = Math.max(minCharactersPerText, Math.min(maxCharactersPerText, share));
  return texts.map((text) => ({ text: text.length > limit ? cutCharacters(text, limit) : text, isCut: text.length > limit }));
};

/** The first `length` UTF-16 units of `text`, one less where that would tear a surrogate pair. */
export const cutCharacters = (text: string, length: number): string => {
  const isTorn = length > 0 && (text.charCodeAt(length - 1) & 0xfc00) === 0xd800;
  return text.slice(0, isTorn ? length - 1 : length);
};

const wordsOf = (sentence: string): string[] => {
  const text = sentence.normalize('NFKC').toLowerCase().replaceAll('’', "'");
  if (!unspacedScript.test(text)) return text.match(spacedWord) ?? [];
  return Array.from(wordBreaks.segment(text))
    .filter(({ isWordLike }) => isWordLike)
    .map(({ segment }) => segment);
};

/** One letter is a particle, an article or a slip, except in Han, where it may be a word. */
const isTerm = (word: string): boolean => !stopWords.has(word) && (word.length > 1 || hanCharacter.test(word));
