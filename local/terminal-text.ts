import { printable } from './figures.ts';

/** Places of a line of text for people. */
export const COLUMNS = 80;

/** Scripts without wide, joined or combining characters: there a character is a place. */
const plain = /^[ -\u02ff]*$/;
/** Characters that take two places on a terminal: East Asian ones and emoji. */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;
/** Accents without a letter, and what only says how others join. */
const placeless = /^[\p{M}\p{Cf}]+$/u;
const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** What readers take for single characters: a letter with its accents, an emoji of several parts. */
const charactersOf = (text: string): Iterable<string> =>
  plain.test(text) ? text : Array.from(segmenter.segment(text), ({ segment }) => segment);

const placesOf = (character: string) => (wide.test(character) ? 2 : placeless.test(character) ? 0 : 1);

/** Places that a line takes on a terminal. */
export function widthOf(text: string): number {
  if (plain.test(text)) return text.length;
  let width = 0;
  for (const character of charactersOf(text)) width += placesOf(character);
  return width;
}

/** A text on one line of at most `limit` places. */
export function clipped(text: string, limit: number): string {
  const line = printable(text.replace(/\s+/g, ' ').trim());
  let taken = '';
  let width = 0;
  for (const character of charactersOf(line)) {
    width += placesOf(character);
    // The last place is the ellipsis', unless the text ends there.
    if (width > limit - 1 && (width > limit || taken.length + character.length < line.length)) return `${taken}…`;
    taken += character;
  }
  return taken;
}

/** Lines of words, none wider than `limit`; longer words are clipped. */
export function wrapped(text: string, limit: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of printable(text).split(/\s+/)) {
    const piece = clipped(word, limit);
    if (line !== '' && widthOf(line) + 1 + widthOf(piece) > limit) {
      lines.push(line);
      line = piece;
    } else {
      line = line === '' ? piece : `${line} ${piece}`;
    }
  }
  return [...lines, line];
}

/** All of a text in lines no wider than `limit`, which is 2 at least: its own lines broken at spaces, longer words anywhere. */
export const folded = (text: string, limit: number): string[] =>
  printable(text)
    .split('\n')
    .flatMap((line) => foldedLine(line, limit));

function foldedLine(text: string, limit: number): string[] {
  if (widthOf(text) <= limit) return [text];
  const lines: string[] = [];
  let line = '';
  let width = 0;
  for (const word of text.split(' ')) {
    const wordWidth = widthOf(word);
    if (line !== '' && width + 1 + wordWidth > limit) {
      lines.push(line);
      line = '';
      width = 0;
    }
    if (line !== '') {
      line += ' ';
      width += 1;
    }
    if (wordWidth <= limit) {
      line += word;
      width += wordWidth;
      continue;
    }
    for (const character of charactersOf(word)) {
      const places = placesOf(character);
      if (width + places > limit) {
        lines.push(line);
        line = '';
        width = 0;
      }
      line += character;
      width += places;
    }
  }
  return [...lines, line];
}
