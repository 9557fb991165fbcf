/** A number from 0 to 2^32 - 1 that looks random and is always the same for the same place. Source: MurmurHash3's finalizer. */
function scattered(place: number): number {
  let bits = (place + 0x9e3779b9) | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/**
 * Which of so many rows a sample takes, in ascending order: one of each of `size` equal stretches, so that it is spread over all of them, and not
 * at equal distances, since files repeat themselves (every second row a question, every seventh a Sunday). All rows where there are no more.
 */
export function* chosenRows(rows: number, size: number): Generator<number> {
  const stretches = Math.min(rows, size);
  for (let stretch = 0; stretch < stretches; stretch++) {
    const first = Math.floor((stretch * rows) / stretches);
    const end = Math.floor(((stretch + 1) * rows) / stretches);
    yield first + (scattered(stretch) % (end - first));
  }
}
