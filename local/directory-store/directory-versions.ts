import { statSync } from 'node:fs';
import { rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ObjectVersion, ObjectVersions } from '../../functions/shared/ports.ts';
import { hashOf } from './import-file.ts';
import { listFiles } from './listing.ts';
import { objectPath, VERSIONS_FOLDER } from './object-path.ts';
import { readAnyRecord, removeVersionRecord, versionOf } from './version-record.ts';

/** The versions of the files below `root`: each has the one that it has now. Deleting takes the folders that become empty along. */
export function directoryVersions(root: string, bucket: string): ObjectVersions {
  async function* list(prefix: string): AsyncGenerator<ObjectVersion> {
    for await (const { key } of listFiles(root, prefix)) {
      const present = await presentVersion(root, key);
      if (present !== undefined) yield { key, ...present, isDeletion: false, isLatest: true };
    }
  }

  return {
    bucket,
    list,
    async delete(versions) {
      for (const { key, versionId } of versions) {
        if ((await presentVersion(root, key))?.versionId !== versionId) continue;
        await unlink(objectPath(root, key));
        await removeVersionRecord(root, key);
        await removeEmptyFolders(root, key);
        await removeEmptyFolders(join(root, VERSIONS_FOLDER), key);
      }
    },
  };
}

/** A folder that was copied or restored has other times than its records: there the bytes say whether the version is still the recorded one. */
async function presentVersion(root: string, key: string): Promise<{ versionId: string; bytes: number } | undefined> {
  const path = objectPath(root, key);
  const file = statSync(path, { throwIfNoEntry: false });
  if (!file?.isFile()) return undefined;
  const record = readAnyRecord(root, key);
  const isAsRecorded = record?.bytes === file.size && (record.mtimeMs === file.mtimeMs || (await hashOf(path)) === record.version);
  return { versionId: versionOf(file, isAsRecorded ? record : undefined), bytes: file.size };
}

/** A writer who misses a folder that is removed here makes it again. */
async function removeEmptyFolders(root: string, key: string): Promise<void> {
  for (let folder = dirname(key); folder !== '.'; folder = dirname(folder)) {
    try {
      await rmdir(join(root, folder));
    } catch {
      return;
    }
  }
}
