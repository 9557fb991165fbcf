import { beforeAll, expect, test } from '@jest/globals';
import type { ObjectStore } from '../../functions/shared/ports.ts';
import { byUtf8, collect, keysUnder, textAt } from './store-contents.ts';

/** What listing a store is like. */
export interface ListedHome {
  /** Whether one key may lie beneath another: `a/b` and `a/b/c`. */
  nestsKeys: boolean;
  /** Keys that one listing gives at once; many are some more. S3 gives a thousand. */
  pageKeys: number;
}

/** Tests of listing keys and folders, in the suite that opens the store. */
export function testListing(opened: () => ObjectStore, home: ListedHome): void {
  let store: ObjectStore;
  beforeAll(() => {
    store = opened();
  });

  test('lists in key order with sizes, for any prefix', async () => {
    const nested = home.nestsKeys ? ['list/a/b', 'list/a'] : [];
    const tricky = [
      'a/b/c',
      'a/b/d/e',
      'a/b!',
      'a/b-c',
      'a/b.txt',
      'a/b0',
      'a-b',
      'a+b',
      'a b',
      'a%20b',
      'a%',
      'ä/ö',
      'z/ﬀ',
      'z/🦊/deep',
      'Z',
    ];
    const keys = [...tricky.map((key) => `list/${key}`), ...nested].sort(byUtf8);
    for (const key of keys) await store.put(key, key);
    await store.put('lisa', '');
    await store.put('list-behind', '');
    expect(await collect(store.list('list/'))).toEqual(keys.map((key) => ({ key, bytes: Buffer.byteLength(key) })));
    for (const prefix of [
      'list/a',
      'list/a/',
      'list/a/b',
      'list/a/b/',
      'list/a/b/d',
      'list/z/',
      'list/z/🦊/',
      'list/a%',
      'list/a ',
      'list/ä',
      'list/A',
    ]) {
      expect(await keysUnder(store, prefix)).toEqual(keys.filter((key) => key.startsWith(prefix)));
    }
    for (const key of keys) expect(await textAt(store, key)).toBe(key);
    expect(await keysUnder(store, 'li')).toEqual(['lisa', 'list-behind', ...keys]);
    expect(await keysUnder(store, 'no/such/prefix')).toEqual([]);
    expect(await keysUnder(store, 'lisa/')).toEqual([]);
  });

  test('lists folders in key order, each once, for any prefix', async () => {
    for (const key of ['f/b/1', 'f/b/2/3', 'f/b', 'f/b-a/1', 'f/ä +%/1', 'f/🦊/1', 'f/ba/1', 'f/file', 'g/1']) {
      if (key !== 'f/b' || home.nestsKeys) await store.put(key, '');
    }
    const folders = ['f/b-a/', 'f/b/', 'f/ba/', 'f/ä +%/', 'f/🦊/'];
    expect(await collect(store.folders('f/'))).toEqual(folders);
    expect(await collect(store.folders('f/b'))).toEqual(['f/b-a/', 'f/b/', 'f/ba/']);
    expect(await collect(store.folders('f'))).toEqual(['f/']);
    expect(await collect(store.folders('f/b/'))).toEqual(['f/b/2/']);
    expect(await collect(store.folders('f/file'))).toEqual([]);
    expect(await collect(store.folders('no/such/'))).toEqual([]);
    await store.delete(['f/ba/1']);
    expect(await collect(store.folders('f/b'))).toEqual(['f/b-a/', 'f/b/']);
  });

  test('lists more folders than fit one page', async () => {
    const keys = Array.from({ length: home.pageKeys + 205 }, (_, index) => `wide/${index}/a`);
    for (let first = 0; first < keys.length; first += 50) {
      await Promise.all(keys.slice(first, first + 50).map((key) => store.put(key, '')));
    }
    await store.put('wide/7/b', '');
    expect(await collect(store.folders('wide/'))).toEqual(keys.map((key) => key.slice(0, -1)).toSorted());
  });

  test('lists more than fits one page, also when the reader stops early', async () => {
    const keys = Array.from({ length: home.pageKeys + 205 }, (_, index) => `many/${index}.json`);
    await Promise.all(keys.map((key) => store.put(key, '{}')));
    expect(await keysUnder(store, 'many/')).toEqual(keys.toSorted());
    expect(await keysUnder(store, 'many/11')).toEqual(keys.filter((key) => key.startsWith('many/11')).toSorted());
    for await (const { key } of store.list('many/')) {
      expect(key).toBe('many/0.json');
      break;
    }
    await store.delete(keys);
    expect(await keysUnder(store, 'many/')).toEqual([]);
  });
}
