import type { ObjectStore } from '../../functions/shared/ports.ts';

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

export const keysUnder = async (store: ObjectStore, prefix: string) => (await collect(store.list(prefix))).map(({ key }) => key);

export const byUtf8 = (left: string, right: string) => Buffer.compare(Buffer.from(left), Buffer.from(right));

export const bytesOf = async (chunks: AsyncIterable<Uint8Array>) => Buffer.concat(await collect(chunks));

export async function textAt(store: ObjectStore, key: string): Promise<string | undefined> {
  const bytes = await store.get(key);
  return bytes && Buffer.from(bytes).toString();
}
