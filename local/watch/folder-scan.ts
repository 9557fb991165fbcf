import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A file below the watched folder; `key` is its path there, with slashes. */
export interface SeenFile {
  key: string;
  bytes: number;
  mtimeMs: number;
  /** Another file under the same name has another one, whatever its size and time. */
  inode: number;
}

/** Names that programs give to what they are still writing. */
const unfinished = /^~|~$|\.(tmp|temp|part|partial|crdownload|download|filepart|swp|lock)$/i;

/** Whether a file is one that somebody is done with, by its name. */
export const isFinishedName = (name: string): boolean => !name.startsWith('.') && !unfinished.test(name);

/** Folders of writers (`_temporary`) and hidden ones are passed over; a partition may be called `_year=2026`. */
const isPassedOver = (folder: string) => folder.startsWith('.') || (folder.startsWith('_') && !folder.includes('='));

/**
 * Every file below the folder but hidden and unfinished ones, in no order. Links are followed to files, not to folders, which could lead round
 * in a circle. What vanishes meanwhile is left out.
 * @throws Error of the system: the folder itself cannot be read.
 */
export async function filesBelow(folder: string): Promise<SeenFile[]> {
  const files: SeenFile[] = [];
  const walk = async (path: string, prefix: string, entries: readonly Dirent[]) => {
    for (const entry of entries) {
      if (entry.isDirectory()) {
        if (isPassedOver(entry.name)) continue;
        const inner = join(path, entry.name);
        const within = await readdir(inner, { withFileTypes: true }).catch(() => []);
        await walk(inner, `${prefix}${entry.name}/`, within);
      } else if (isFinishedName(entry.name)) {
        const file = await seenFile(folder, prefix + entry.name);
        if (file) files.push(file);
      }
    }
  };
  await walk(folder, '', await readdir(folder, { withFileTypes: true }));
  return files;
}

/** The file as it is now, undefined where there is none. */
export async function seenFile(folder: string, key: string): Promise<SeenFile | undefined> {
  const file = await stat(join(folder, key)).catch(() => undefined);
  return file?.isFile() ? { key, bytes: file.size, mtimeMs: file.mtimeMs, inode: file.ino } : undefined;
}
