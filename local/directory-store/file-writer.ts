import { type FileHandle, open, rm } from 'node:fs/promises';
import type { ObjectWriter } from '../../functions/shared/ports.ts';
import type { WholeFiles } from './whole-files.ts';

/** Bytes collected before the file is written to, so that lines can be written one by one. */
const BUFFER_BYTES = 256 * 1024;

/** A streamed upload into a temporary file, which `close` moves to its place. */
export class FileWriter implements ObjectWriter {
  readonly #files: WholeFiles;
  readonly #path: string;
  readonly #temporaryPath: string;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #buffered = 0;
  #handle: FileHandle | undefined;
  #isOver = false;

  constructor(files: WholeFiles, path: string) {
    this.#files = files;
    this.#path = path;
    this.#temporaryPath = files.newTemporaryPath();
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#isOver) throw new Error('The upload is over: nothing can be written to it');
    if (this.#buffered + chunk.length > BUFFER_BYTES) await this.#flush();
    if (chunk.length > BUFFER_BYTES) {
      await this.#append(chunk);
    } else {
      this.#buffer.set(chunk, this.#buffered);
      this.#buffered += chunk.length;
    }
  }

  async close(): Promise<void> {
    if (this.#isOver) throw new Error('The upload is over: it cannot be closed');
    try {
      await this.#flush();
      this.#isOver = true;
      await this.#handle?.close();
      this.#files.publish(this.#temporaryPath, this.#path);
    } catch (error) {
      await this.#discard();
      throw error;
    }
  }

  async abort(): Promise<void> {
    if (!this.#isOver) await this.#discard();
  }

  async #discard(): Promise<void> {
    this.#isOver = true;
    await this.#handle?.close();
    await rm(this.#temporaryPath, { force: true });
  }

  async #flush(): Promise<void> {
    await this.#append(this.#buffer.subarray(0, this.#buffered));
    this.#buffered = 0;
  }

  async #append(bytes: Uint8Array): Promise<void> {
    this.#handle ??= await open(this.#temporaryPath, 'wx');
    let written = 0;
    while (written < bytes.length) written += (await this.#handle.write(bytes, written)).bytesWritten;
  }
}
