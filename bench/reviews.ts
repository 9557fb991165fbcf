const words =
  'the battery lasts long but screen is dim and delivery was late great product would buy again poor quality support friendly price too high love it broke after a week'.split(
    ' ',
  );

/** Numbers from 0 to below 1, the same on every machine. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x80000000;
  };
}

export interface Review {
  id: string;
  product: string;
  rating: string;
  review: string;
}

/** Reviews of 8 to 37 words, no two of them alike; the same for the same number of rows. */
export function* reviews(rows: number): Generator<Review> {
  const random = randomNumbers(42);
  for (let row = 0; row < rows; row++) {
    const text = Array.from({ length: 8 + Math.floor(random() * 30) }, () => words[Math.floor(random() * words.length)]).join(' ');
    const product = `p${Math.floor(random() * 100)}`;
    yield { id: `r${row}`, product, rating: String(1 + Math.floor(random() * 5)), review: `${text}, row ${row}` };
  }
}
