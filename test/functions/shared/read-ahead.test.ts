import { expect, test } from '@jest/globals';
import { readAhead, streamsAhead } from '../../../functions/shared/read-ahead.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';

/** Reads that end when they are told to. */
function reads() {
  const ends = new Map<number, () => void>();
  const state = { begun: 0, most: 0 };
  const read = async (item: number) => {
    state.begun++;
    state.most = Math.max(state.most, ends.size + 1);
    await new Promise<void>((resolve) => ends.set(item, resolve));
    ends.delete(item);
    return item * 10;
  };
  return { read, state, end: (item: number) => ends.get(item)?.() };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('gives what was read in the order of the items, however the reads end, and reads so many at once and no more', async () => {
  const { read, state, end } = reads();
  const given: number[] = [];
  const taking = (async () => {
    for await (const value of readAhead([0, 1, 2, 3, 4], 3, read)) given.push(value);
  })();
  await turn();
  expect(state.begun).toBe(3);
  end(2);
  end(1);
  await turn();
  // The first is due: nothing is begun beyond the three that wait for it.
  expect([given, state.begun]).toEqual([[], 3]);
  end(0);
  await turn();
  expect(given).toEqual([0, 10, 20]);
  end(4);
  end(3);
  await taking;
  expect([given, state.most]).toEqual([[0, 10, 20, 30, 40], 3]);
});

test('a read that fails is told when its turn comes, and of several the first', async () => {
  const given: number[] = [];
  const read = async (item: number) => {
    if (item >= 2) throw new Error(`no ${item}`);
    return item;
  };
  const take = async () => {
    for await (const value of readAhead([0, 1, 2, 3], 4, read)) given.push(value);
  };
  await expect(take()).rejects.toThrow('no 2');
  expect(given).toEqual([0, 1]);
});

test('streams are whole and in order, and those that nobody came to are closed', async () => {
  const store = new MemoryStore('work', { chunkBytes: 2 });
  const texts = ['first', '', 'third one', 'fourth'];
  for (const [index, text] of texts.entries()) store.seed(`${index}`, text);
  let open = 0;
  const counted = {
    async *stream(key: string) {
      open++;
      try {
        yield* store.stream(key);
      } finally {
        open--;
      }
    },
  };
  const found: string[] = [];
  for await (const chunks of streamsAhead(
    counted,
    texts.map((_, index) => `${index}`),
    3,
  ))
    found.push(await textOf(chunks));
  expect([found, open]).toEqual([texts, 0]);

  const abandon = async () => {
    for await (const _ of streamsAhead(counted, ['0', '2', '3'], 3)) throw new Error('gave up');
  };
  await expect(abandon()).rejects.toThrow('gave up');
  expect(open).toBe(0);
});

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const chunk of chunks) text += Buffer.from(chunk).toString();
  return text;
}
