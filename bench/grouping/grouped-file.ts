import { writeText } from '../plan/review-files.ts';
import { randomNumbers, reviews } from '../reviews.ts';

/** Writes reviews as CSV whose groups come in no order: half of the rows are of one group, the others are spread over so many. */
const [path = '', rows = '', groups = ''] = process.argv.slice(2);

function* csvLines(): Generator<string> {
  const random = randomNumbers(7);
  for (const { id, review } of reviews(Number(rows))) {
    const place = random();
    const group = place < 0.5 ? 'large' : `g${Math.floor((place - 0.5) * 2 * Number(groups))}`;
    yield `${id},${group},"${review}"\n`;
  }
}

await writeText(path, 'id,grp,review\n', csvLines());
