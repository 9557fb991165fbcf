import { InvalidUploadError } from '../../shared/errors.ts';
import { isTextName } from '../columns.ts';
import type { UploadHead } from '../upload-head.ts';

/** Lines in which the names are looked for, and bytes that those may have. */
const SEARCHED_LINES = 30;
const SEARCHED_BYTES = 64 * 1024;
/** Share of the lines below the names that must have as many fields; commas within quotes make more of them. */
const AGREEMENT = 0.6;

/** Fields of a line as far as they can be told without its neighbours. */
const cellsOf = (line: string, delimiter: string) => line.split(delimiter).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'));

/** The number of the line on which the column names stand, if it is not the first: below a title, or below what the file is. */
function lineOfNames(lines: readonly string[], header: readonly string[]): number | undefined {
  for (const [index, line] of lines.entries()) {
    for (const delimiter of [',', ';', '\t', '|']) {
      const names = cellsOf(line, delimiter);
      if (
        index === 0 ||
        names.length < Math.max(2, header.length) ||
        !names.every((name) => /\p{L}/u.test(name)) ||
        !names.some(isTextName)
      )
        continue;
      const below = lines.slice(index + 1).filter((other) => other.trim() !== '');
      const alike = below.filter((other) => cellsOf(other, delimiter).length >= names.length);
      if (below.length > 0 && alike.length >= below.length * AGREEMENT) return index + 1;
    }
  }
  return undefined;
}

/**
 * Refuses a CSV file with lines above its column names, as reports have them: they would be taken for the names, and the names for a row.
 * @param header the first line, of one field or with fields that are empty; another may well hold the names.
 * @throws InvalidUploadError: a line further down holds names, and the lines below it as many fields.
 */
export function refuseTitleLines({ fileName, bytes, start, lineBreak }: UploadHead, header: readonly string[]): void {
  if (header.some(isTextName) || (header.length > 1 && !header.some((name) => name.trim() === ''))) return;
  const text = bytes.toString('utf8', start.byte, start.byte + SEARCHED_BYTES);
  const line = lineOfNames(text.split(String.fromCharCode(lineBreak), SEARCHED_LINES), header);
  if (line === undefined) return;
  throw new InvalidUploadError(
    `${fileName} has its column names on line ${start.line + line - 1}, it seems; remove the lines above them, or set textColumn (--text-column) to a name on its first line.`,
    { code: 'lines_above_header' },
  );
}
