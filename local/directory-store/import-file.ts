import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { objectPath } from './object-path.ts';
import { readVersionRecord, writeVersionRecord } from './version-record.ts';
import { WholeFiles } from './whole-files.ts';

const CHUNK_BYTES = 1024 * 1024;

export interface ImportOptions {
  /** User metadata that `head` gives, names in lower case. @default none */
  metadata?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/**
 * Version (SHA-256 of the bytes, hexadecimal) and size of a file that was copied into the store at `root`, in one pass. Where the
 * store has the same bytes under the key already, nothing is written; a file of the same size is read for that first.
 */
export async function importFile(
  root: string,
  sourcePath: string,
  key: string,
  { metadata, signal }: ImportOptions = {},
): Promise<{ versionId: string; bytes: number }> {
  const path = objectPath(root, key);
  const files = new WholeFiles(root, true);
  const present = statSync(path, { throwIfNoEntry: false });
  const record = present?.isFile() ? readVersionRecord(root, key, present) : undefined;
  if (record !== undefined && record.bytes === statSync(sourcePath).size) {
    const versionId = await hashOf(sourcePath, signal);
    if (versionId === record.version) {
      const isDescribed = JSON.stringify(record.metadata) === JSON.stringify(metadata);
      if (!isDescribed) await writeVersionRecord(files, root, key, { ...record, metadata });
      return { versionId, bytes: record.bytes };
    }
  }
  return copyIn(files, root, sourcePath, key, metadata, signal);
}

async function copyIn(
  files: WholeFiles,
  root: string,
  sourcePath: string,
  key: string,
  metadata: Record<string, string> | undefined,
  signal: AbortSignal | undefined,
): Promise<{ versionId: string; bytes: number }> {
  const temporaryPath = files.newTemporaryPath();
  const hash = createHash('sha256');
  try {
    const target = await open(temporaryPath, 'wx');
    try {
      for await (const chunk of chunksOf(sourcePath, signal)) {
        hash.update(chunk);
        await target.writeFile(chunk);
      }
    } finally {
      await target.close();
    }
    const { size: bytes, mtimeMs } = statSync(temporaryPath);
    const version = hash.digest('hex');
    files.publish(temporaryPath, objectPath(root, key));
    await writeVersionRecord(files, root, key, { version, bytes, mtimeMs, metadata });
    return { versionId: version, bytes };
  } catch (error) {
    await rm(temporaryPath, { force: true });
    throw error;
  }
}

/** SHA-256 of a file's bytes, hexadecimal. */
export async function hashOf(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunksOf(path, signal)) hash.update(chunk);
  return hash.digest('hex');
}

const chunksOf = (path: string, signal: AbortSignal | undefined): AsyncIterable<Buffer> =>
  createReadStream(path, { highWaterMark: CHUNK_BYTES, signal });
