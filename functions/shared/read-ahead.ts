import type { ObjectStore } from './ports.ts';

/** What `read` gives for each item, in the order of the items. Up to `inFlight` are read at once, those ahead of the one that is due. */
export async function* readAhead<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  inFlight: number,
  read: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const underWay: Promise<Result>[] = [];
  for await (const item of items) {
    const reading = read(item);
    // It is told when its turn comes, which after an earlier failure is never.
    reading.catch(() => {});
    if (underWay.push(reading) >= inFlight) yield underWay.shift() as Promise<Result>;
  }
  yield* underWay;
}

/** The chunks of each object, in the order of the keys. Up to `inFlight` are open at once, each with one chunk in memory; each is to be read to its end. */
export async function* streamsAhead(
  store: Pick<ObjectStore, 'stream'>,
  keys: Iterable<string>,
  inFlight: number,
): AsyncGenerator<AsyncIterable<Uint8Array>> {
  const open = new Set<AsyncIterator<Uint8Array>>();
  const begin = async (key: string) => {
    const chunks = store.stream(key)[Symbol.asyncIterator]();
    open.add(chunks);
    return { chunks, first: await chunks.next() };
  };
  try {
    for await (const { chunks, first } of readAhead(keys, inFlight, begin)) {
      yield resumed(first, chunks);
      open.delete(chunks);
    }
  } finally {
    await Promise.allSettled([...open].map((chunks) => chunks.return?.()));
  }
}

async function* resumed<Value>(first: IteratorResult<Value>, iterator: AsyncIterator<Value>): AsyncGenerator<Value> {
  for (let next = first; !next.done; next = await iterator.next()) yield next.value;
}
