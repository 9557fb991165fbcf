import { printable } from './figures.ts';

/** Places of a line of text for people. */
export const COLUMNS = 80;

/** Characters that take two places on a terminal: East Asian ones and emoji. */
const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
export const widthOf = (text: string) => [...text].reduce((sum, character) => sum + (wide.test(character) ? 2 : 1), 0);

/** A text on one line of at most `limit` places. */
export function clipped(text: string, limit: number): string {
  const line = printable(text.replace(/\s+/g, ' ').trim());
  let taken = '';
  let width = 0;
  for (const character of line) {
    width += widthOf(character);
    // The last place is the ellipsis', unless the text ends there.
    if (width > limit - 1 && (width > limit || taken.length + character.length < line.length)) return `${taken}…`;
    taken += character;
  }
  return taken;
}

/** Lines of words, none wider than `limit`. */
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
