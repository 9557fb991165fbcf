import { randomUUID } from 'node:crypto';
import { closeSync, linkSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TEMPORARY_FOLDER } from './object-path.ts';

/**
 * Longest body that is written by blocking calls. Write and rename of a small file block for 40 microseconds; through the thread pool
 * they cost the same thread 110, so blocking leaves more time to everything else in the process.
 */
const BLOCKING_WRITE_CHARACTERS = 64 * 1024;
/** Age from which a temporary file cannot be one that is still written. */
const ABANDONED_AFTER_MS = 24 * 3600 * 1000;

const linkUnsupportedCodes = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV']);
const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;

/** What the action returns; the folder of `path` is made only when the action misses it, so that the usual case costs no look. */
function inFolderOf<Result>(path: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    mkdirSync(dirname(path), { recursive: true });
    return action();
  }
}

/**
 * Files that appear under their path whole or not at all, also when the process dies while it writes. They are not synced to
 * the disk: a machine that loses power may lose the last seconds.
 */
export class WholeFiles {
  readonly #folder: string;
  readonly #owner = randomUUID();
  #count = 0;
  #hasHardLinks: boolean;

  constructor(root: string, hasHardLinks: boolean) {
    this.#folder = join(root, TEMPORARY_FOLDER);
    this.#hasHardLinks = hasHardLinks;
  }

  /** Path of a temporary file that nobody else uses, in a folder that exists. */
  newTemporaryPath(): string {
    if (this.#count === 0) this.#prepare();
    return join(this.#folder, `${this.#owner}-${this.#count++}`);
  }

  /** Moves a finished temporary file to `path`, over what was there. */
  publish(temporaryPath: string, path: string): void {
    try {
      inFolderOf(path, () => renameSync(temporaryPath, path));
    } catch (error) {
      rmSync(temporaryPath, { force: true });
      throw error;
    }
  }

  async replace(path: string, body: Uint8Array | string): Promise<void> {
    this.publish(await this.#writeTemporary(body), path);
  }

  /** Whether this call made the file. One of any number of processes is told so. */
  async createIfAbsent(path: string, body: Uint8Array | string): Promise<boolean> {
    if (!this.#hasHardLinks) return this.#createExclusively(path, body);
    const temporaryPath = await this.#writeTemporary(body);
    try {
      inFolderOf(path, () => linkSync(temporaryPath, path));
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return absentUnlessFile(path, error);
      if (!linkUnsupportedCodes.has(codeOf(error) ?? '')) throw error;
      this.#hasHardLinks = false;
      return this.#createExclusively(path, body);
    } finally {
      unlinkSync(temporaryPath);
    }
  }

  /** For file systems without hard links: as exclusive, but the file is empty for a moment, and stays so after a crash in it. */
  #createExclusively(path: string, body: Uint8Array | string): boolean {
    let descriptor: number;
    try {
      descriptor = inFolderOf(path, () => openSync(path, 'wx'));
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return absentUnlessFile(path, error);
      throw error;
    }
    try {
      writeFileSync(descriptor, body);
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    } finally {
      closeSync(descriptor);
    }
    return true;
  }

  async #writeTemporary(body: Uint8Array | string): Promise<string> {
    const temporaryPath = this.newTemporaryPath();
    try {
      if (body.length <= BLOCKING_WRITE_CHARACTERS) inFolderOf(temporaryPath, () => writeFileSync(temporaryPath, body));
      else await writeFile(temporaryPath, body);
    } catch (error) {
      rmSync(temporaryPath, { force: true });
      throw error;
    }
    return temporaryPath;
  }

  #prepare(): void {
    mkdirSync(this.#folder, { recursive: true });
    for (const name of readdirSync(this.#folder)) {
      const path = join(this.#folder, name);
      const found = statSync(path, { throwIfNoEntry: false });
      if (found !== undefined && Date.now() - found.mtimeMs > ABANDONED_AFTER_MS) rmSync(path, { force: true, recursive: true });
    }
  }
}

/** false: a file is there. A folder there is no object, so to call it one would send the caller looking for it. */
function absentUnlessFile(path: string, error: unknown): false {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  return false;
}
