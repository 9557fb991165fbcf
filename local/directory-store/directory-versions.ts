import { statSync } from 'node:fs';
import { rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ObjectVersion, ObjectVersions } from '../../functions/shared/ports.ts';
import { listFiles } from './listing.ts';
import { objectPath, VERSIONS_FOLDER } from './object-path.ts';
import { readVersionRecord, removeVersionRecord, versionOf } from './version-record.ts';

/** The versions of the files below `root`: each has the one that it has now. Deleting takes the folders that become empty along. */
export function directoryVersions(root: string, bucket: string): ObjectVersions {
  async function* list(prefix: string): AsyncGenerator<ObjectVersion> {
    for await (const { key } of listFiles(root, prefix)) {
      const versionId = presentVersion(root, key);
      if (versionId !== undefined) yield { key, ...versionId, isDeletion: false };
    }
  }

  return {
    bucket,
    list,
    async delete(versions) {
      for (const { key, versionId } of versions) {
        if (presentVersion(root, key)?.versionId !== versionId) continue;
        await unlink(objectPath(root, key));
        await removeVersionRecord(root, key);
        await removeEmptyFolders(root, key);
        await removeEmptyFolders(join(root, VERSIONS_FOLDER), key);
      }
    },
  };
}

function presentVersion(root: string, key: string): { versionId: string; bytes: number } | undefined {
  const file = statSync(objectPath(root, key), { throwIfNoEntry: false });
  return file?.isFile() ? { versionId: versionOf(file, readVersionRecord(root, key, file)), bytes: file.size } : undefined;
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
