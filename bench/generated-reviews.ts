import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

const words =
  'the battery lasts long but screen is dim and delivery was late great product would buy again poor quality support friendly price too high love it broke after a week'.split(
    ' ',
  );

/** Numbers from 0 to below 1, the same on every machine. */
function randomNumbers(seed: number) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x80000000;
  };
}

/** Writes a CSV file of reviews of 8 to 37 words, the same for the same number of rows. */
export async function writeReviews(path: string, rows: number): Promise<void> {
  const random = randomNumbers(42);
  const out = createWriteStream(path);
  let chunk = 'id,product,rating,review\n';
  for (let row = 0; row < rows; row++) {
    const text = Array.from({ length: 8 + Math.floor(random() * 30) }, () => words[Math.floor(random() * words.length)]).join(' ');
    chunk += `r${row},p${Math.floor(random() * 100)},${1 + Math.floor(random() * 5)},"${text}, row ${row}"\n`;
    if (chunk.length > 1_000_000) {
      if (!out.write(chunk)) await once(out, 'drain');
      chunk = '';
    }
  }
  out.end(chunk);
  await once(out, 'close');
}
