import { createReadStream, createWriteStream, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ConfigError } from '../functions/shared/errors.ts';

/** What a reader that has enough, as head, leaves behind. */
const readerGone = new Set(['EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_PREMATURE_CLOSE']);

/** Writes pieces of text or bytes to stdout, no faster than they are read. A reader who has enough ends it quietly. */
export async function printPieces(pieces: AsyncIterable<string | Uint8Array>, signal?: AbortSignal): Promise<void> {
  try {
    await pipeline(Readable.from(pieces), process.stdout, { end: false, ...(signal && { signal }) });
  } catch (error) {
    if (!readerGone.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/**
 * A file made by `write` in a folder of its own beside it, and put in its place when it is whole: whatever happens, it is either what
 * it was or all new. @returns its bytes.
 * @throws ConfigError: nothing can be written there.
 */
export async function replaceFile(path: string, write: (temporary: string) => Promise<void>): Promise<number> {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false)
    throw new ConfigError(`${path} is not a file: --output takes the name of one.`, { code: 'usage' });
  const folder = folderBeside(path);
  try {
    const temporary = join(folder, 'whole');
    await write(temporary);
    const { size } = statSync(temporary);
    renameSync(temporary, path);
    return size;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function folderBeside(path: string): string {
  try {
    return mkdtempSync(join(dirname(path), `.${basename(path)}-`));
  } catch (cause) {
    throw new ConfigError(`Nothing can be written in the folder of ${path} (${(cause as Error).message}).`, { code: 'usage', cause });
  }
}

/** Writes text as a file, whole or not at all. @returns its bytes. */
export const writePieces = (path: string, pieces: AsyncIterable<string>, signal?: AbortSignal): Promise<number> =>
  replaceFile(path, (temporary) => pipeline(pieces, createWriteStream(temporary), ...(signal ? [{ signal }] : [])));

/** Prints a file that `write` makes: nothing is printed before it is whole. */
export async function printFile(write: (temporary: string) => Promise<void>, signal?: AbortSignal): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'hundredfold-query-'));
  try {
    const temporary = join(folder, 'whole');
    await write(temporary);
    await printPieces(createReadStream(temporary), signal);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
