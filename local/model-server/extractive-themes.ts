import { feelingOf, isFeelingWord } from './feelings.ts';
import { type Sentence, sentencesOf } from './sentences.ts';

const MAX_THEMES = 8;
const MAX_QUOTES = 3;
const MAX_QUOTE_CHARACTERS = 90;
const MAX_STATEMENT_CHARACTERS = 200;
/** Rows of a hundred that a word must stand in to be a theme. */
const LEAST_PERCENT = 4;
const MIN_ROWS = 2;

/** Words that many rows have, and that no row is about. */
const common = new Set(
  `able actually add again large run true ago asked enough five four half inside outside second six after almost anyone anything arrived back bit bought buy came come day days definitely didn't doesn't don't every everything
  fairly feel feels felt first full give given gives going good got however isn't keep kept know left length little long look looked looking looks lot
  love makes maybe month months need needed new night normally order ordered ordering part people perfect piece pieces put quite rather received review right
  said saw say see seems set short size sized small sure take takes tell thing things think thought three time times top tried try trying usual usually
  want wanted way wear wearing week weeks whole wish wore work worked works worth would year years`
    .trim()
    .split(/\s+/),
);
const isTheme = (term: string) => term.length > 2 && !/^\d/.test(term) && !common.has(term) && !isFeelingWord(term);

interface ExtractedTheme {
  theme: string;
  sentiment: 'positive' | 'negative' | 'neutral';
  statement: string;
  evidence: { row: number; quote: string }[];
}

/** The words of a sentence in lower case. */
const wordsIn = (text: string) =>
  text
    .toLowerCase()
    .replaceAll('’', "'")
    .match(/[\p{L}\p{N}']+/gu) ?? [];

const singular = (term: string) => term.replace(/(?<=[sxz]|ch|sh)es$|(?<=[^s])s$/, '');

/**
 * What most rows have a word for, each such word a theme, once for those that sound content with it, once for those that do not, and once for the
 * others. Same rows, same themes. Rows are numbered from 1.
 */
export function extractiveThemes(rows: readonly string[]): ExtractedTheme[] {
  const sentences = sentencesOf(rows);
  const byTheme = new Map<string, Sentence[]>();
  for (const sentence of sentences) {
    for (const term of new Set(sentence.terms.map(singular).filter(isTheme))) {
      const some = byTheme.get(term) ?? [];
      byTheme.set(term, some);
      some.push(sentence);
    }
  }
  const rowsOf = (some: readonly Sentence[]) => new Set(some.map(({ row }) => row)).size;
  const least = Math.max(MIN_ROWS, Math.ceil((rows.length * LEAST_PERCENT) / 100));
  return [...byTheme]
    .filter(([, some]) => rowsOf(some) >= least)
    .sort(([one, these], [other, those]) => rowsOf(those) - rowsOf(these) || (one < other ? -1 : 1))
    .slice(0, MAX_THEMES)
    .flatMap(([theme, some]) => claimsOf(theme, some, rows));
}

function claimsOf(theme: string, sentences: readonly Sentence[], rows: readonly string[]): ExtractedTheme[] {
  const byFeeling = { positive: [] as Sentence[], negative: [] as Sentence[], neutral: [] as Sentence[] };
  const known = new Set<number>();
  for (const sentence of sentences) {
    if (known.has(sentence.row)) continue;
    known.add(sentence.row);
    byFeeling[feelingOf(wordsIn(sentence.text))].push(sentence);
  }
  return (['positive', 'negative', 'neutral'] as const).flatMap((sentiment) => {
    const some = byFeeling[sentiment];
    if (some.length === 0) return [];
    const statement = cutAtWord(
      some.toSorted((one, other) => one.text.length - other.text.length)[Math.floor(some.length / 2)]!.text,
      MAX_STATEMENT_CHARACTERS,
    );
    const evidence = some.map(({ row, text }, index) => ({
      row: row + 1,
      quote: index < MAX_QUOTES ? quoteFrom(text, theme, rows[row]!) : '',
    }));
    return [{ theme, sentiment, statement, evidence }];
  });
}

/** Words of the sentence around its theme, as the row has them; '' where its white space was evened out. */
function quoteFrom(sentence: string, theme: string, row: string): string {
  const place = sentence.toLowerCase().indexOf(theme);
  const start = place + theme.length <= MAX_QUOTE_CHARACTERS ? 0 : sentence.indexOf(' ', place - MAX_QUOTE_CHARACTERS / 2) + 1;
  const quote = cutAtWord(sentence.slice(start), MAX_QUOTE_CHARACTERS);
  return row.includes(quote) ? quote : '';
}

const cutAtWord = (text: string, length: number) => (text.length <= length ? text : text.slice(0, length).replace(/\s+\S*$/, ''));

/** Names for themes, by their places from 1 on: words that differ in their endings only are one theme, in the words of the first. */
export function themeNames(names: readonly string[]): { name: string; members: number[] }[] {
  const byStem = new Map<string, { name: string; members: number[] }>();
  names.forEach((name, index) => {
    const stem = wordsIn(name).map(singular).join(' ');
    const group = byStem.get(stem) ?? { name, members: [] };
    byStem.set(stem, group);
    group.members.push(index + 1);
  });
  return [...byStem.values()];
}
