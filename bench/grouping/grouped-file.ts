import { writeText } from '../plan/review-files.ts';
import { reviews } from '../reviews.ts';

/** Writes reviews as CSV whose groups come in no order: half of the rows are of one group, the others are spread over so many. */
const [path = '', rows = '', groups = ''] = process.argv.slice(2);

function* csvLines(): Generator<string> {
  let state = 7;
  for (const { id, review } of reviews(Number(rows))) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    const place = state / 0x80000000;
    const group = place < 0.5 ? 'large' : `g${Math.floor((place - 0.5) * 2 * Number(groups))}`;
    yield `${id},${group},"${review}"\n`;
  }
}

await writeText(path, 'id,grp,review\n', csvLines());
