import type { Dirent } from 'node:fs';
import { statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { isReserved, objectPath } from './object-path.ts';

/** Files looked at between two turns of the event loop. Blocking looks cost 3 microseconds each, a tenth of the others. */
const STATS_A_TURN = 256;

/**
 * Files below `root` whose key starts with the prefix, in the order of S3: by the bytes of the key in UTF-8. One folder's names
 * on the way down to the current file are held at a time.
 */
export async function* listFiles(root: string, prefix: string): AsyncGenerator<{ key: string; bytes: number }> {
  const nameStart = prefix.lastIndexOf('/') + 1;
  yield* walk(root, prefix.slice(0, nameStart), prefix.slice(nameStart));
}

/** The prefix continued to the end of each folder that it leads to, in the same order; folders without a file are no keys of S3 and left out. */
export async function* listFolders(root: string, prefix: string): AsyncGenerator<string> {
  const nameStart = prefix.lastIndexOf('/') + 1;
  const folderPrefix = prefix.slice(0, nameStart);
  for (const name of await namesIn(folderOf(root, folderPrefix), folderPrefix === '', prefix.slice(nameStart))) {
    if (!name.endsWith('/')) continue;
    const { done } = await walk(root, folderPrefix + name, '').next();
    if (!done) yield folderPrefix + name;
  }
}

const folderOf = (root: string, folderPrefix: string) => (folderPrefix === '' ? root : objectPath(root, folderPrefix.slice(0, -1)));

async function* walk(root: string, folderPrefix: string, namePrefix: string): AsyncGenerator<{ key: string; bytes: number }> {
  const folder = folderOf(root, folderPrefix);
  const names = await namesIn(folder, folderPrefix === '', namePrefix);
  for (let first = 0; first < names.length; first += STATS_A_TURN) {
    if (first > 0) await setImmediate();
    for (const name of names.slice(first, first + STATS_A_TURN)) {
      if (name.endsWith('/')) {
        yield* walk(root, folderPrefix + name, '');
      } else {
        const file = statSync(join(folder, name), { throwIfNoEntry: false });
        if (file?.isFile()) yield { key: folderPrefix + name, bytes: file.size };
      }
    }
  }
}

/** Names in a folder, in key order; those of folders end in `/`, because their keys go on with it: `a-b` < `a/` < `a0`. */
async function namesIn(folder: string, isRoot: boolean, namePrefix: string): Promise<string[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
  const names: string[] = [];
  for (const entry of entries) {
    if (!entry.name.startsWith(namePrefix) || (isRoot && isReserved(entry.name))) continue;
    names.push(entry.isDirectory() ? `${entry.name}/` : entry.name);
  }
  return names.some((name) => beyondSurrogates.test(name)) ? names.sort(compareUtf8) : names.sort();
}

/** Only such names sort otherwise by UTF-16 units, the order of `sort()`, than by UTF-8 bytes. */
const beyondSurrogates = /[\ud800-\uffff]/;

const compareUtf8 = (left: string, right: string) => Buffer.compare(Buffer.from(left), Buffer.from(right));
