import { existsSync } from 'node:fs';
import { mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createS3Client, s3ObjectStore } from '../../functions/shared/adapters/s3-object-store.ts';
import { s3ObjectVersions } from '../../functions/shared/adapters/s3-object-versions.ts';
import type { ObjectStore, ObjectVersions } from '../../functions/shared/ports.ts';
import { directoryVersions } from '../../local/directory-store/directory-versions.ts';
import { importFile } from '../../local/directory-store/import-file.ts';
import { directoryStore } from '../../local/directory-store.ts';
import { startS3Server } from '../fakes/s3-server/server.ts';
import { collect } from './store-contents.ts';

interface Opened {
  store: ObjectStore;
  versions: ObjectVersions;
  close(): Promise<void>;
}

async function openDirectory(): Promise<Opened & { root: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'object-versions-'));
  const root = join(folder, 'input');
  return {
    root,
    store: directoryStore(root, 'input'),
    versions: directoryVersions(root, 'input'),
    close: () => rm(folder, { recursive: true }),
  };
}

async function openBucket(isVersioned: boolean): Promise<Opened> {
  const server = await startS3Server({ buckets: { input: { isVersioned } } });
  const client = createS3Client(server.clientConfig);
  return {
    store: s3ObjectStore(client, 'input'),
    versions: s3ObjectVersions(client, 'input'),
    close: async () => {
      client.destroy();
      await server.close();
    },
  };
}

const homes: [name: string, open: () => Promise<Opened>, keepsVersions: boolean][] = [
  ['directory', openDirectory, false],
  ['S3', () => openBucket(true), true],
  ['S3 without versions', () => openBucket(false), false],
];

describe.each(homes)('versions: %s', (_, open, keepsVersions) => {
  let opened: Opened;
  let store: ObjectStore;
  let versions: ObjectVersions;
  beforeAll(async () => {
    opened = await open();
    ({ store, versions } = opened);
  });
  afterAll(() => opened.close());

  test('lists what is stored under a prefix, each with the version that head gives', async () => {
    for (const key of ['a/ä +%.csv', 'a/b/c', 'ab', 'b']) await store.put(key, key);
    const listed = await collect(versions.list('a'));
    expect(listed.map(({ key, bytes, isDeletion }) => [key, bytes, isDeletion])).toEqual([
      ['a/b/c', 5, false],
      ['a/ä +%.csv', 11, false],
      ['ab', 2, false],
    ]);
    for (const { key, versionId } of listed) expect((await store.head(key))?.versionId).toBe(versionId);
    expect(await collect(versions.list('nothing/'))).toEqual([]);
  });

  test('deletes a version for good, and leaves what is not named', async () => {
    await store.put('gone/file', 'first');
    await store.put('gone/file', 'second');
    await store.put('gone/beside', 'stays');
    const all = await collect(versions.list('gone/file'));
    expect(all.map(({ isLatest }) => isLatest)).toEqual(keepsVersions ? [true, false] : [true]);
    await versions.delete(all);
    await versions.delete(all);
    await versions.delete([]);
    expect(await store.head('gone/file')).toBeUndefined();
    expect((await collect(versions.list('gone/'))).map(({ key }) => key)).toEqual(['gone/beside']);
  });

  test('leaves the present version where another one is named', async () => {
    await store.put('other', 'text');
    await versions.delete([{ key: 'other', versionId: 'ffffffff' }]);
    expect((await store.head('other'))?.bytes).toBe(4);
  });

  test('takes up more than a thousand', async () => {
    const keys = Array.from({ length: 1_101 }, (_, index) => `many/${index}`);
    for (let first = 0; first < keys.length; first += 50) {
      await Promise.all(keys.slice(first, first + 50).map((key) => store.put(key, 'x')));
    }
    const listed = await collect(versions.list('many/'));
    expect(listed.map(({ key }) => key)).toEqual(keys.toSorted());
    await versions.delete(listed);
    expect(await collect(versions.list('many/'))).toEqual([]);
  });
});

test('a deletion of S3 leaves the older version and a mark, and both can be removed', async () => {
  const { store, versions, close } = await openBucket(true);
  await store.put('file', 'words');
  await store.delete(['file']);
  const listed = await collect(versions.list(''));
  expect(listed.map(({ bytes, isDeletion, isLatest }) => [bytes, isDeletion, isLatest])).toEqual([
    [5, false, false],
    [0, true, true],
  ]);
  await versions.delete(listed);
  expect(await collect(versions.list(''))).toEqual([]);
  await close();
});

test('a directory keeps neither records of versions nor empty folders of what was deleted', async () => {
  const { root, versions, close } = await openDirectory();
  await importFile(root, import.meta.filename, 'a/b/file');
  await versions.delete(await collect(versions.list('')));
  expect(existsSync(join(root, 'a'))).toBe(false);
  expect(existsSync(join(root, '.versions', 'a'))).toBe(false);
  await close();
});

test('a directory knows an imported file again that was copied or restored, whatever its time', async () => {
  const { root, versions, close } = await openDirectory();
  const { versionId } = await importFile(root, import.meta.filename, 'file');
  await utimes(join(root, 'file'), 1, 1);
  expect(await collect(versions.list(''))).toMatchObject([{ versionId }]);
  await versions.delete([{ key: 'file', versionId }]);
  expect(existsSync(join(root, 'file'))).toBe(false);
  await close();
});
