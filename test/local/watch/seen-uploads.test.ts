import { linkSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from '@jest/globals';
import { filesBelow } from '../../../local/watch/folder-scan.ts';
import { uploadsAmong } from '../../../local/watch/seen-uploads.ts';
import { cleanUp, newFolder } from '../program.ts';

afterAll(cleanUp);

let folder: string;
beforeEach(() => {
  folder = newFolder();
});

function put(key: string, text = 'id,review\n1,fine\n') {
  mkdirSync(join(folder, key, '..'), { recursive: true });
  writeFileSync(join(folder, key), text);
}

async function uploads() {
  const texts: Record<string, string> = { 'spark/_hundredfold.json': '{"upload":"folder"}' };
  return uploadsAmong(await filesBelow(folder), (key) => (texts[key] === undefined ? undefined : Buffer.from(texts[key])));
}
const keys = async () => (await uploads()).map(({ key }) => key);
const signatureOf = async (wanted: string) => (await uploads()).find(({ key }) => key === wanted)?.signature;

test('what the input bucket would start, and nothing that is hidden, unfinished, empty or settings', async () => {
  const started = ['a.csv', 'support/2026/july.csv', 'support/b.jsonl'];
  for (const key of started) put(key);
  for (const name of ['.a.csv', '_hundredfold.json', 'support/_notes.csv', 'a.csv.part', 'a.csv.crdownload', 'a.tmp', '~$a.csv', 'a.csv~'])
    put(name);
  for (const name of ['.git/a.csv', 'support/_temporary/0/a.csv']) put(name);
  put('empty.csv', '');
  expect(await keys()).toEqual(started);
  expect((await uploads()).map(({ dataset }) => dataset)).toEqual(['default', 'support', 'support']);
});

test('where a dataset wants folders, _SUCCESS starts its folder and no part starts anything', async () => {
  put('spark/_hundredfold.json', '{"upload":"folder"}');
  put('spark/july/part-0.csv');
  expect(await keys()).toEqual([]);
  put('spark/july/_SUCCESS', '');
  put('spark/july/year=2026/part-1.csv');
  expect(await keys()).toEqual(['spark/july/']);
  const before = await signatureOf('spark/july/');
  put('spark/july/.part-0.csv.crc');
  put('spark/july/_committed_1');
  expect(await signatureOf('spark/july/')).toBe(before);
  put('spark/july/part-2.csv');
  expect(await signatureOf('spark/july/')).not.toBe(before);
});

test('a signature changes with size, time and file', async () => {
  const seen = new Set<string | undefined>();
  put('a.csv', 'id,review\n1,good\n');
  utimesSync(join(folder, 'a.csv'), 1_000, 1_000);
  seen.add(await signatureOf('a.csv'));
  utimesSync(join(folder, 'a.csv'), 1_000, 1_001);
  seen.add(await signatureOf('a.csv'));
  put('a.csv', 'id,review\n1,good\n2');
  utimesSync(join(folder, 'a.csv'), 1_000, 1_001);
  seen.add(await signatureOf('a.csv'));
  // Another file of the same size and time takes its place.
  linkSync(join(folder, 'a.csv'), join(folder, '.kept'));
  put('.other', 'id,review\n1,fine\n2');
  utimesSync(join(folder, '.other'), 1_000, 1_001);
  renameSync(join(folder, '.other'), join(folder, 'a.csv'));
  seen.add(await signatureOf('a.csv'));
  expect(seen.size).toBe(4);
});

test('links lead to files; those to folders, which could go round, and broken ones to nothing', async () => {
  const elsewhere = newFolder();
  writeFileSync(join(elsewhere, 'real.csv'), 'id,review\n1,fine\n');
  symlinkSync(join(elsewhere, 'real.csv'), join(folder, 'linked.csv'));
  symlinkSync(folder, join(folder, 'round'));
  symlinkSync(join(elsewhere, 'nothing'), join(folder, 'broken.csv'));
  expect(await keys()).toEqual(['linked.csv']);
  rmSync(folder, { recursive: true });
  await expect(filesBelow(folder)).rejects.toThrow('ENOENT');
});
