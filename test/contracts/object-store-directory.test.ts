import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ObjectStore } from '../../functions/shared/ports.ts';
import { importFile } from '../../local/directory-store/import-file.ts';
import { directoryStore } from '../../local/directory-store.ts';
import { MEBIBYTE, seededBytes } from './object-store.ts';
import { bytesOf, collect, textAt } from './store-contents.ts';

let folder: string;
let root: string;
let store: ObjectStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'directory-store-'));
  root = join(folder, 'input');
  store = directoryStore(root, 'input');
});
afterEach(() => rm(folder, { recursive: true }));

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

/** Runs module source in a process of its own; `store` is there, `root` its folder. */
const inProcess = (source: string) => {
  const module = new URL('../../local/directory-store.ts', import.meta.url).href;
  const prelude = `import { directoryStore } from ${JSON.stringify(module)};
    const root = ${JSON.stringify(root)}; const store = directoryStore(root, 'input');`;
  return promisify(execFile)(process.execPath, ['--input-type=module', '--eval', prelude + source]);
};

describe('directory keys', () => {
  const unsafe = [
    '',
    '/',
    '/absolute',
    '..',
    '../beside',
    'a/../../beside',
    'a/..',
    './a',
    'a/./b',
    'a//b',
    'a/',
    'a\0b',
    '.tmp/a',
    '.versions/a',
    '.tmp',
  ];
  test.each(unsafe)('refuses %j in every method', async (key) => {
    const refused = { name: 'ConfigError', code: 'unsafe_key' };
    await store.put('fine', 'text');
    await expect(store.put(key, 'x')).rejects.toMatchObject(refused);
    await expect(store.putIfAbsent(key, 'x')).rejects.toMatchObject(refused);
    await expect(store.get(key)).rejects.toMatchObject(refused);
    await expect(store.head(key)).rejects.toMatchObject(refused);
    await expect(collect(store.stream(key))).rejects.toMatchObject(refused);
    await expect(store.delete([key])).rejects.toMatchObject(refused);
    await expect(store.copy(store, 'fine', key)).rejects.toMatchObject(refused);
    await expect(store.copy(store, key, 'fine')).rejects.toMatchObject(refused);
    await expect(importFile(root, join(root, 'fine'), key)).rejects.toMatchObject(refused);
    expect(() => store.create(key)).toThrow(expect.objectContaining(refused));
    expect((await readdir(folder)).sort()).toEqual(['input']);
  });

  test('takes dots that name no folder', async () => {
    for (const key of ['.a', '..a', 'a/...', 'a/.tmp/b']) {
      await store.put(key, key);
      expect(await textAt(store, key)).toBe(key);
    }
    expect(await collect(store.list(''))).toHaveLength(4);
  });

  test('lists nothing outside the folder and nothing of its own', async () => {
    await writeFile(join(folder, 'beside'), 'text');
    await writeFile(join(folder, 'source'), 'text');
    await importFile(root, join(folder, 'source'), 'a/file');
    await mkdir(join(root, 'empty-folder'));
    expect(await collect(store.list(''))).toEqual([{ key: 'a/file', bytes: 4 }]);
    expect(await collect(store.list('.'))).toEqual([]);
    for (const prefix of ['../', '/', '.tmp/', '.versions/a/']) {
      await expect(collect(store.list(prefix))).rejects.toMatchObject({ code: 'unsafe_key' });
    }
  });

  test('refuses a key beneath a file, and one that is a folder', async () => {
    await store.put('a/b', 'text');
    await expect(store.put('a/b/c', 'x')).rejects.toThrow();
    await expect(store.putIfAbsent('a/b/c', 'x')).rejects.toThrow();
    await expect(store.put('a', 'x')).rejects.toThrow();
    await expect(store.putIfAbsent('a', 'x')).rejects.toThrow();
    expect(await store.get('a')).toBeUndefined();
    expect(await readdir(join(root, '.tmp'))).toEqual([]);
  });
});

describe('directory writes', () => {
  test('has one winner for each key among processes', async () => {
    const race = `for (let i = 0; i < 200; i++) if (await store.putIfAbsent('claims/' + i, String(process.pid))) console.log(i);`;
    const claimed = await Promise.all(Array.from({ length: 4 }, async () => (await inProcess(race)).stdout.split('\n').filter(Boolean)));
    expect(
      claimed
        .flat()
        .map(Number)
        .sort((left, right) => left - right),
    ).toEqual(Array.from({ length: 200 }, (_, index) => index));
  });

  test('shows nothing of a write whose process was killed', async () => {
    const killed = `const writer = store.create('half'); await writer.write(Buffer.alloc(3_000_000)); process.kill(process.pid, 'SIGKILL');`;
    await expect(inProcess(killed)).rejects.toMatchObject({ signal: 'SIGKILL' });
    expect(await readdir(join(root, '.tmp'))).toHaveLength(1);
    expect(await collect(store.list(''))).toEqual([]);
    expect(await store.head('half')).toBeUndefined();
  });

  test('clears away what was left half-written a day ago, not what is written now', async () => {
    await mkdir(join(root, '.tmp'), { recursive: true });
    await writeFile(join(root, '.tmp', 'abandoned'), 'half');
    await writeFile(join(root, '.tmp', 'in-work'), 'half');
    const dayAgo = Date.now() / 1000 - 25 * 3600;
    await utimes(join(root, '.tmp', 'abandoned'), dayAgo, dayAgo);
    await store.put('key', 'text');
    expect(await readdir(join(root, '.tmp'))).toEqual(['in-work']);
  });

  test('makes a folder again that was removed behind its back', async () => {
    await store.put('a/b/1', 'text');
    await rm(join(root, 'a'), { recursive: true });
    await store.put('a/b/2', 'text');
    await rm(join(root, 'a'), { recursive: true });
    expect(await store.putIfAbsent('a/b/3', 'text')).toBe(true);
    expect(await collect(store.list(''))).toEqual([{ key: 'a/b/3', bytes: 4 }]);
  });

  test('goes on with the old bytes in a stream that is open when the file is replaced', async () => {
    const bytes = seededBytes(2 * MEBIBYTE, 1);
    await store.put('file', bytes);
    const chunks = [];
    for await (const chunk of store.stream('file')) {
      if (chunks.push(chunk) === 1) await store.put('file', 'new');
    }
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  });

  test('copies from a store of another kind', async () => {
    const from = {
      bucket: 'elsewhere',
      stream: async function* () {
        yield Buffer.from('one ');
        yield Buffer.from('two');
      },
    } as unknown as ObjectStore;
    await store.copy(from, 'key', 'copied');
    expect(await textAt(store, 'copied')).toBe('one two');
  });

  test('leaves a copy alone when the source is changed in place', async () => {
    await store.put('a', 'text');
    await store.copy(store, 'a', 'b');
    await writeFile(join(root, 'a'), 'TEXT');
    expect(await textAt(store, 'b')).toBe('text');
  });
});

describe('imported files', () => {
  let sourcePath: string;
  beforeEach(async () => {
    sourcePath = join(folder, 'reviews.csv');
    await writeFile(sourcePath, 'id,text\n1,fine\n');
  });

  test('have the hash of their bytes as version', async () => {
    const bytes = seededBytes(3 * MEBIBYTE + 1, 2);
    await writeFile(sourcePath, bytes);
    const imported = await importFile(root, sourcePath, 'support/july/reviews.csv');
    expect(imported).toEqual({ versionId: sha256(bytes), bytes: bytes.length });
    expect(await store.head('support/july/reviews.csv')).toEqual({ ...imported, metadata: {} });
    expect((await bytesOf(store.stream('support/july/reviews.csv', { versionId: imported.versionId }))).equals(bytes)).toBe(true);
    expect(await readdir(join(root, '.tmp'))).toEqual([]);
  });

  test('are not written again when they have not changed', async () => {
    const first = await importFile(root, sourcePath, 'reviews.csv');
    const { ino } = await stat(join(root, 'reviews.csv'));
    expect(await importFile(root, sourcePath, 'reviews.csv')).toEqual(first);
    expect((await stat(join(root, 'reviews.csv'))).ino).toBe(ino);
  });

  test('replace another version, of the same size too', async () => {
    const { versionId } = await importFile(root, sourcePath, 'reviews.csv');
    await writeFile(sourcePath, 'id,text\n1,poor\n');
    const second = await importFile(root, sourcePath, 'reviews.csv');
    expect(second.versionId).toBe(sha256('id,text\n1,poor\n'));
    expect((await store.head('reviews.csv'))?.versionId).toBe(second.versionId);
    await expect(collect(store.stream('reviews.csv', { versionId }))).rejects.toMatchObject({
      name: 'ObjectNotFound',
      message: expect.stringContaining('replaced'),
    });
  });

  test('lose their version when another program changes them, and get it back', async () => {
    const { versionId } = await importFile(root, sourcePath, 'reviews.csv');
    await writeFile(join(root, 'reviews.csv'), 'edited by hand');
    expect((await store.head('reviews.csv'))?.versionId).not.toBe(versionId);
    await expect(store.get('reviews.csv', { versionId })).rejects.toMatchObject({ name: 'ObjectNotFound' });
    expect((await importFile(root, sourcePath, 'reviews.csv')).versionId).toBe(versionId);
    expect(await textAt(store, 'reviews.csv')).toBe('id,text\n1,fine\n');
    await writeFile(join(root, '.versions', 'reviews.csv.json'), '');
    expect((await store.head('reviews.csv'))?.versionId).not.toBe(versionId);
    await importFile(root, sourcePath, 'reviews.csv');
    expect((await store.head('reviews.csv'))?.versionId).toBe(versionId);
  });

  test('carry user metadata', async () => {
    const metadata = { 'hundredfold-text-column': 'Review%20Text' };
    const { versionId } = await importFile(root, sourcePath, 'reviews.csv');
    await importFile(root, sourcePath, 'reviews.csv', { metadata });
    expect(await store.head('reviews.csv')).toMatchObject({ versionId, metadata });
    await importFile(root, sourcePath, 'reviews.csv');
    expect(await store.head('reviews.csv')).toMatchObject({ versionId, metadata: {} });
  });

  test('take their record with them when deleted', async () => {
    await importFile(root, sourcePath, 'a/reviews.csv');
    await store.delete(['a/reviews.csv']);
    await expect(readFile(join(root, '.versions', 'a', 'reviews.csv.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('leave what was there when the source cannot be read or the signal says stop', async () => {
    await importFile(root, sourcePath, 'reviews.csv');
    await expect(importFile(root, join(folder, 'missing.csv'), 'reviews.csv')).rejects.toMatchObject({ code: 'ENOENT' });
    await writeFile(sourcePath, 'another text, longer than the first');
    const stopped = importFile(root, sourcePath, 'reviews.csv', { signal: AbortSignal.abort() });
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
    expect(await textAt(store, 'reviews.csv')).toBe('id,text\n1,fine\n');
    expect(await readdir(join(root, '.tmp'))).toEqual([]);
  });
});
