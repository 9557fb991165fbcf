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
  /** Called with the bytes of each piece that has been read. */
  onRead?: ((bytes: number) => void) | undefined;
}

/**
 * Version (SHA-256 of the bytes, hexadecimal) and size of a file that was copied into the store at `root`, in one pass. Where the
 * store has the same bytes under the key already, nothing is written; a file of the same size is read for that first.
 */
export async function importFile(
  root: string,
  sourcePath: string,
  key: string,
  options: ImportOptions = {},
): Promise<{ versionId: string; bytes: number }> {
  const { metadata } = options;
  const path = objectPath(root, key);
  const files = new WholeFiles(root, true);
  const present = statSync(path, { throwIfNoEntry: false });
  const record = present?.isFile() ? readVersionRecord(root, key, present) : undefined;
  if (record !== undefined && record.bytes === statSync(sourcePath).size) {
    const versionId = await hashOf(sourcePath, options);
    if (versionId === record.version) {
      const isDescribed = JSON.stringify(record.metadata) === JSON.stringify(metadata);
      if (!isDescribed) await writeVersionRecord(files, root, key, { ...record, metadata });
      return { versionId, bytes: record.bytes };
    }
  }
  return copyIn(files, root, sourcePath, key, options);
}

async function copyIn(
  files: WholeFiles,
  root: string,
  sourcePath: string,
  key: string,
  options: ImportOptions,
): Promise<{ versionId: string; bytes: number }> {
  const { metadata } = options;
  const temporaryPath = files.newTemporaryPath();
  const hash = createHash('sha256');
  try {
    const target = await open(temporaryPath, 'wx');
    try {
      for await (const chunk of chunksOf(sourcePath, options)) {
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
export async function hashOf(path: string, options: Pick<ImportOptions, 'signal' | 'onRead'> = {}): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunksOf(path, options)) hash.update(chunk);
  return hash.digest('hex');
}

async function* chunksOf(path: string, { signal, onRead }: Pick<ImportOptions, 'signal' | 'onRead'>): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES, signal })) {
    yield chunk;
    onRead?.(chunk.length);
  }
}
