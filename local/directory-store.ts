import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, read, readSync, statSync } from 'node:fs';
import { copyFile, rm, unlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { ObjectNotFound } from '../functions/shared/errors.ts';
import type { ByteRange, ObjectHead, ObjectStore, ObjectWriter, ReadOptions } from '../functions/shared/ports.ts';
import { FileWriter } from './directory-store/file-writer.ts';
import { listFiles, listFolders } from './directory-store/listing.ts';
import { objectPath } from './directory-store/object-path.ts';
import { readVersionRecord, removeVersionRecord, versionOf, writeVersionRecord } from './directory-store/version-record.ts';
import { WholeFiles } from './directory-store/whole-files.ts';

/** Longest piece that is read by blocking calls: 10 microseconds, a third of what the way through the thread pool costs. */
const BLOCKING_READ_BYTES = 256 * 1024;
const STREAM_CHUNK_BYTES = 256 * 1024;

const readAsync = promisify(read);

export interface DirectoryStoreOptions {
  /** Whether the file system has hard links; where it has none and the store is not told, the first put-if-absent finds out. @default true */
  hasHardLinks?: boolean;
}

/**
 * The files below `root` as one bucket: `<root>/<key>`. A file replaced by other programs between two reads has another
 * version, and a read pinned to the old one fails; a stream that is open goes on with the old bytes.
 * A file system cannot hold both `a` and `a/b`: whichever comes second is refused with the system's error.
 */
export const directoryStore = (root: string, bucket: string, { hasHardLinks = true }: DirectoryStoreOptions = {}): ObjectStore =>
  new DirectoryStore(root, bucket, hasHardLinks);

class DirectoryStore implements ObjectStore {
  readonly bucket: string;
  readonly #root: string;
  readonly #files: WholeFiles;

  constructor(root: string, bucket: string, hasHardLinks: boolean) {
    this.#root = root;
    this.bucket = bucket;
    this.#files = new WholeFiles(root, hasHardLinks);
  }

  async head(key: string, { versionId, signal }: ReadOptions = {}): Promise<ObjectHead | undefined> {
    signal?.throwIfAborted();
    const file = statSync(objectPath(this.#root, key), { throwIfNoEntry: false });
    if (!file?.isFile()) return absent(key, versionId);
    const record = readVersionRecord(this.#root, key, file);
    assertVersion(key, versionOf(file, record), versionId);
    return { bytes: file.size, versionId: versionOf(file, record), metadata: record?.metadata ?? {} };
  }

  async get(key: string, { range, versionId, signal }: ReadOptions & { range?: ByteRange } = {}): Promise<Uint8Array | undefined> {
    signal?.throwIfAborted();
    const file = this.#open(key, versionId);
    if (file === undefined) return undefined;
    try {
      const start = Math.min(range?.start ?? 0, file.bytes);
      const end = Math.max(start, Math.min(range?.end ?? file.bytes, file.bytes));
      return await readBytes(file.descriptor, start, end);
    } finally {
      closeSync(file.descriptor);
    }
  }

  async *stream(key: string, { start = 0, versionId, signal }: ReadOptions & { start?: number } = {}): AsyncGenerator<Uint8Array> {
    signal?.throwIfAborted();
    const file = this.#open(key, versionId);
    if (file === undefined) throw new ObjectNotFound(`There is no object "${key}" in ${this.bucket}`);
    try {
      for (let at = start; at < file.bytes; at += STREAM_CHUNK_BYTES) {
        yield await readBytes(file.descriptor, at, Math.min(at + STREAM_CHUNK_BYTES, file.bytes));
        signal?.throwIfAborted();
      }
    } finally {
      closeSync(file.descriptor);
    }
  }

  async put(
    key: string,
    body: Uint8Array | string,
    { signal, metadata }: { signal?: AbortSignal | undefined; metadata?: Record<string, string> } = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    const path = objectPath(this.#root, key);
    await this.#files.replace(path, body);
    if (metadata === undefined) return;
    const { size: bytes, mtimeMs } = statSync(path);
    const version = createHash('sha256').update(body).digest('hex');
    await writeVersionRecord(this.#files, this.#root, key, { version, bytes, mtimeMs, metadata });
  }

  async putIfAbsent(key: string, body: Uint8Array | string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<boolean> {
    signal?.throwIfAborted();
    return this.#files.createIfAbsent(objectPath(this.#root, key), body);
  }

  create(key: string): ObjectWriter {
    return new FileWriter(this.#files, objectPath(this.#root, key));
  }

  list(prefix: string): AsyncIterable<{ key: string; bytes: number }> {
    return listFiles(this.#root, prefix);
  }

  folders(prefix: string): AsyncIterable<string> {
    return listFolders(this.#root, prefix);
  }

  /**
   * A copy of its own, shared block by block where the file system can (COPYFILE_FICLONE). A hard link would be cheaper still,
   * but other programs that change one file in place would then change both.
   */
  async copy(source: ObjectStore, sourceKey: string, key: string): Promise<void> {
    const path = objectPath(this.#root, key);
    if (!(source instanceof DirectoryStore)) return this.#copyStream(source, sourceKey, key);
    const sourcePath = objectPath(source.#root, sourceKey);
    if (!statSync(sourcePath, { throwIfNoEntry: false })?.isFile()) {
      throw new ObjectNotFound(`There is no object "${sourceKey}" in ${source.bucket}`);
    }
    const temporaryPath = this.#files.newTemporaryPath();
    try {
      await copyFile(sourcePath, temporaryPath, constants.COPYFILE_FICLONE);
    } catch (error) {
      await rm(temporaryPath, { force: true });
      throw error;
    }
    this.#files.publish(temporaryPath, path);
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      const path = objectPath(this.#root, key);
      if (!statSync(path, { throwIfNoEntry: false })?.isFile()) continue;
      await unlink(path);
      await removeVersionRecord(this.#root, key);
    }
  }

  async #copyStream(source: ObjectStore, sourceKey: string, key: string): Promise<void> {
    const writer = this.create(key);
    try {
      for await (const chunk of source.stream(sourceKey)) await writer.write(chunk);
      await writer.close();
    } finally {
      await writer.abort();
    }
  }

  /** The file, open; what is read of it stays the same bytes when another file takes its place. */
  #open(key: string, versionId: string | undefined): { descriptor: number; bytes: number } | undefined {
    const path = objectPath(this.#root, key);
    // Absent keys are common (every answer that is not yet paid), and an error from open costs six times as much as this look.
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return absent(key, versionId);
    const descriptor = openSync(path, 'r');
    try {
      const file = fstatSync(descriptor);
      if (versionId !== undefined) assertVersion(key, versionOf(file, readVersionRecord(this.#root, key, file)), versionId);
      return { descriptor, bytes: file.size };
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }
}

function assertVersion(key: string, present: string, wanted: string | undefined): void {
  if (wanted === undefined || present === wanted) return;
  throw new ObjectNotFound(`The file "${key}" was replaced: its version ${wanted} is gone`);
}

function absent(key: string, versionId: string | undefined): undefined {
  if (versionId !== undefined) throw new ObjectNotFound(`The file "${key}" was removed: its version ${versionId} is gone`);
}

/** Bytes `[start, end)`, fewer where the file ends before. */
async function readBytes(descriptor: number, start: number, end: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(end - start);
  let filled = 0;
  while (filled < bytes.length) {
    const length = bytes.length - filled;
    const received =
      bytes.length <= BLOCKING_READ_BYTES
        ? readSync(descriptor, bytes, filled, length, start + filled)
        : (await readAsync(descriptor, bytes, filled, length, start + filled)).bytesRead;
    if (received === 0) break;
    filled += received;
  }
  return bytes.subarray(0, filled);
}
