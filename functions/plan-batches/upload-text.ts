/** White space as `trim` knows it (no-break space and byte order mark too), and the characters that are no wider than nothing. */
const blank = /^[\s\u{200b}-\u{200d}\u{2060}]*$/u;

/** Whether a text has nothing that could be read. */
export const isBlank = (text: string): boolean => blank.test(text);

/** The first `limit` characters (Unicode code points: never half a surrogate pair); the text itself when it has no more. */
export function firstCharacters(text: string, limit: number): string {
  if (text.length <= limit) return text;
  let end = 0;
  for (let count = 0; count < limit && end < text.length; count += 1) end += (text.codePointAt(end) as number) > 0xffff ? 2 : 1;
  return text.slice(0, end);
}
