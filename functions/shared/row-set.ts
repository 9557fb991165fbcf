/*
 * A set of row numbers as text: the differences between one number and the next, from -1 on and less one, each in base 128 with the low digits
 * first and the high bit set on all but the last, all of it in base64. Rows of a few groups out of many take a byte or two each.
 */

/** @param ascending row numbers, each once. */
export function rowSetText(ascending: ArrayLike<number>): string {
  const bytes = new Uint8Array(5 * ascending.length);
  let length = 0;
  let before = -1;
  for (let index = 0; index < ascending.length; index++) {
    const row = ascending[index] as number;
    let left = row - before - 1;
    if (left < 0) throw new Error(`Row ${row} does not come after row ${before}`);
    for (; left >= 128; left = Math.floor(left / 128)) bytes[length++] = (left % 128) + 128;
    bytes[length++] = left;
    before = row;
  }
  return Buffer.from(bytes.buffer, 0, length).toString('base64');
}

/** The row numbers of a set, ascending. What is no such text gives numbers that nobody has counted. */
export function* rowsOfSet(text: string): Generator<number> {
  const bytes = Buffer.from(text, 'base64');
  let row = -1;
  let difference = 0;
  let factor = 1;
  for (const byte of bytes) {
    difference += (byte % 128) * factor;
    factor *= 128;
    if (byte >= 128) continue;
    row += difference + 1;
    yield row;
    difference = 0;
    factor = 1;
  }
}
