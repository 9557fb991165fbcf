import { createCipheriv } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ObjectStore } from '../../functions/shared/ports.ts';
import { type ListedHome, testListing } from './object-store-listing.ts';
import { bytesOf, collect, keysUnder, textAt } from './store-contents.ts';

export interface ObjectStoreHome extends ListedHome {
  /** Two empty stores that no other test uses. */
  open(): Promise<OpenedStores>;
}

export interface OpenedStores {
  store: ObjectStore;
  /** Another bucket of the same kind. */
  other: ObjectStore;
  /** What unfinished uploads have left behind. */
  leftovers(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export const MEBIBYTE = 1024 * 1024;

/** Bytes that look random and are the same for the same seed. */
export const seededBytes = (length: number, seed: number): Buffer =>
  createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(length));

/** What every home of `ObjectStore` does alike. */
export function describeObjectStore(name: string, home: ObjectStoreHome): void {
  describe(name, () => {
    let opened: OpenedStores;
    let store: ObjectStore;
    let other: ObjectStore;
    beforeAll(async () => {
      opened = await home.open();
      ({ store, other } = opened);
    });
    afterAll(() => opened.close());

    test('gives back what was put, bytes and text', async () => {
      await store.put('put/bytes', Buffer.from([0, 255, 13, 10]));
      await store.put('put/text', 'Grüße 🦊');
      await store.put('put/empty', '');
      expect(Buffer.from((await store.get('put/bytes'))!)).toEqual(Buffer.from([0, 255, 13, 10]));
      expect(await textAt(store, 'put/text')).toBe('Grüße 🦊');
      expect(await textAt(store, 'put/empty')).toBe('');
      expect(await bytesOf(store.stream('put/empty'))).toHaveLength(0);
    });

    test('replaces whole objects', async () => {
      await store.put('replaced', 'a long first text');
      await store.put('replaced', 'short');
      expect(await textAt(store, 'replaced')).toBe('short');
    });

    test('says of an absent key that it is absent', async () => {
      await store.put('absent/beside', '1');
      for (const key of ['absent', 'absent/key', 'absent/beside/below', 'nowhere/at/all']) {
        expect(await store.head(key)).toBeUndefined();
        expect(await store.get(key)).toBeUndefined();
        expect(await store.get(key, { range: { start: 3, end: 5 } })).toBeUndefined();
        expect(await store.get(key, { range: { start: 0, end: 0 } })).toBeUndefined();
        await expect(collect(store.stream(key))).rejects.toMatchObject({ name: 'ObjectNotFound' });
      }
    });

    test('knows size and version, and another version after a change', async () => {
      await store.put('head', 'four');
      const first = await store.head('head');
      expect(first).toMatchObject({ bytes: 4, metadata: {} });
      await store.put('head', 'fives');
      const second = await store.head('head');
      expect(second?.bytes).toBe(5);
      expect(second?.versionId).not.toBe(first?.versionId);
    });

    test('keeps the metadata of the last put', async () => {
      await store.put('described', 'four', { metadata: { 'hundredfold-text-column': 'Review%20Text' } });
      const described = await store.head('described');
      expect(described).toMatchObject({ bytes: 4, metadata: { 'hundredfold-text-column': 'Review%20Text' } });
      expect(Buffer.from((await store.get('described', { versionId: described!.versionId }))!).toString()).toBe('four');
      await store.put('described', 'plain');
      expect(await store.head('described')).toMatchObject({ bytes: 5, metadata: {} });
    });

    test('reads a pinned version, and fails where it is gone', async () => {
      await store.put('pinned', 'first');
      const { versionId } = (await store.head('pinned'))!;
      expect(Buffer.from((await store.get('pinned', { versionId }))!).toString()).toBe('first');
      expect((await bytesOf(store.stream('pinned', { versionId, start: 2 }))).toString()).toBe('rst');
      expect(await store.head('pinned', { versionId })).toMatchObject({ versionId, bytes: 5 });
      const gone = { name: 'ObjectNotFound' };
      const pin = { versionId: `${versionId}0` };
      await expect(store.get('pinned', pin)).rejects.toMatchObject(gone);
      await expect(store.get('pinned', { ...pin, range: { start: 0, end: 2 } })).rejects.toMatchObject(gone);
      await expect(store.head('pinned', pin)).rejects.toMatchObject(gone);
      await expect(collect(store.stream('pinned', pin))).rejects.toMatchObject(gone);
      await expect(store.get('never there', pin)).rejects.toMatchObject(gone);
    });

    test('reads ranges: end exclusive, cut at the end of the object', async () => {
      await store.put('range', '0123456789');
      const part = async (start: number, end: number) => Buffer.from((await store.get('range', { range: { start, end } }))!).toString();
      expect(await part(0, 10)).toBe('0123456789');
      expect(await part(0, 1)).toBe('0');
      expect(await part(3, 7)).toBe('3456');
      expect(await part(8, 20)).toBe('89');
      expect(await part(10, 12)).toBe('');
      expect(await part(30, 40)).toBe('');
      expect(await part(4, 4)).toBe('');
    });

    test('streams from a byte on, to nothing at and behind the end', async () => {
      await store.put('streamed', '0123456789');
      const from = async (start: number) => (await bytesOf(store.stream('streamed', { start }))).toString();
      expect(await from(0)).toBe('0123456789');
      expect(await from(7)).toBe('789');
      expect(await from(10)).toBe('');
      expect(await from(11)).toBe('');
    });

    test('leaves the bytes of an object that is there to be put if absent', async () => {
      expect(await store.putIfAbsent('once', 'first')).toBe(true);
      expect(await store.putIfAbsent('once', 'second')).toBe(false);
      expect(await textAt(store, 'once')).toBe('first');
      await store.delete(['once']);
      expect(await store.putIfAbsent('once', 'third')).toBe(true);
      expect(await textAt(store, 'once')).toBe('third');
    });

    test('has exactly one winner among 20 who put if absent at once', async () => {
      for (let round = 0; round < 5; round++) {
        const key = `race/${round}/new-folder/winner.json`;
        const wins = await Promise.all(Array.from({ length: 20 }, (_, index) => store.putIfAbsent(key, `writer ${index}`)));
        expect(wins.filter(Boolean)).toHaveLength(1);
        expect(await textAt(store, key)).toBe(`writer ${wins.indexOf(true)}`);
      }
      expect(await opened.leftovers()).toEqual([]);
    });

    test('streams 20 MiB in and out, visible only when closed', async () => {
      const bytes = seededBytes(20 * MEBIBYTE + 7, 1);
      const writer = store.create('big/object.bin');
      const chunk = Buffer.alloc(1_234_567);
      for (let start = 0; start < bytes.length; start += chunk.length) {
        // The same memory for every chunk: a writer keeps no chunk that it was given.
        const length = bytes.copy(chunk, 0, start, start + chunk.length);
        await writer.write(chunk.subarray(0, length));
      }
      expect(await store.head('big/object.bin')).toBeUndefined();
      expect(await keysUnder(store, 'big/')).toEqual([]);
      await writer.close();
      expect((await store.head('big/object.bin'))?.bytes).toBe(bytes.length);
      expect((await bytesOf(store.stream('big/object.bin'))).equals(bytes)).toBe(true);
      expect(bytes.equals((await store.get('big/object.bin'))!)).toBe(true);
      const tail = await bytesOf(store.stream('big/object.bin', { start: 9 * MEBIBYTE }));
      expect(tail.equals(bytes.subarray(9 * MEBIBYTE))).toBe(true);
      await writer.abort();
      expect((await store.head('big/object.bin'))?.bytes).toBe(bytes.length);
      expect(await opened.leftovers()).toEqual([]);
    });

    test('writes small and empty objects through a writer', async () => {
      const small = store.create('written/small');
      for (const line of ['one\n', 'two\n', 'three\n']) await small.write(Buffer.from(line));
      expect(await store.get('written/small')).toBeUndefined();
      await small.close();
      expect(await textAt(store, 'written/small')).toBe('one\ntwo\nthree\n');
      await store.create('written/empty').close();
      expect(await textAt(store, 'written/empty')).toBe('');
      await expect(small.write(Buffer.from('late'))).rejects.toThrow('over');
    });

    test.each([0, 100, 20 * MEBIBYTE])('leaves nothing of an upload given up after %d bytes', async (length) => {
      await store.put('given-up', 'what was there');
      const writer = store.create('given-up');
      if (length > 0) await writer.write(seededBytes(length, 2));
      await writer.abort();
      await writer.abort();
      expect(await textAt(store, 'given-up')).toBe('what was there');
      expect(await opened.leftovers()).toEqual([]);
    });

    testListing(() => store, home);

    test('copies within and between stores, over what was there', async () => {
      const key = 'from/a +%ä🦊?#&.csv';
      await store.put(key, 'original');
      await other.put('to/copy', 'something else');
      await other.copy(store, key, 'to/copy');
      await store.copy(store, key, 'to/copy');
      await store.put(key, 'changed');
      expect(await textAt(other, 'to/copy')).toBe('original');
      expect(await textAt(store, 'to/copy')).toBe('original');
      await expect(other.copy(store, 'no/such', 'to/other')).rejects.toMatchObject({ name: 'ObjectNotFound' });
      expect(await other.get('to/other')).toBeUndefined();
      expect(await opened.leftovers()).toEqual([]);
    });

    test('deletes what is there and does not mind what is not', async () => {
      const keys = ['delete/a&b', 'delete/<c>', 'delete/d/e'];
      for (const key of keys) await store.put(key, '1');
      await store.delete([]);
      await store.delete(['delete/missing', ...keys, 'delete/d/e/below', 'delete/d']);
      expect(await keysUnder(store, 'delete/')).toEqual([]);
      await store.put('delete/d/e', 'again');
      expect(await textAt(store, 'delete/d/e')).toBe('again');
    });

    test('does nothing once the signal says stop', async () => {
      const signal = AbortSignal.abort();
      const stopped = { name: 'AbortError' };
      await store.put('stopped', 'there');
      await expect(store.head('stopped', { signal })).rejects.toMatchObject(stopped);
      await expect(store.get('stopped', { signal })).rejects.toMatchObject(stopped);
      await expect(collect(store.stream('stopped', { signal }))).rejects.toMatchObject(stopped);
      await expect(store.put('stopped/put', '1', { signal })).rejects.toMatchObject(stopped);
      await expect(store.putIfAbsent('stopped-2', '1', { signal })).rejects.toMatchObject(stopped);
      expect(await keysUnder(store, 'stopped')).toEqual(['stopped']);
    });

    test('stops a stream in its middle', async () => {
      await store.put('stopped-stream', seededBytes(10 * MEBIBYTE, 3));
      const stop = new AbortController();
      const reading = (async () => {
        for await (const _ of store.stream('stopped-stream', { signal: stop.signal })) stop.abort();
      })();
      await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
    });
  });
}
