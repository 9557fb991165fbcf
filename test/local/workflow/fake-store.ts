import type { ObjectStore, ObjectWriter } from '../../../functions/shared/ports.ts';

type Source = string | (() => AsyncIterable<Uint8Array>);

/** A bucket in memory that knows the operations a Map needs and throws on every other. */
export class FakeStore implements ObjectStore {
  readonly bucket = 'work';
  /** What has been written and closed, as text. */
  readonly written = new Map<string, string>();
  readonly aborted: string[] = [];
  readonly #objects: Readonly<Record<string, Source>>;
  /** Bytes of text handed out at once. */
  readonly #chunkBytes: number;
  /** Runs before each write of a streamed upload: to make it slow, or fail. */
  beforeWrite: () => Promise<void> = async () => undefined;

  constructor(objects: Readonly<Record<string, Source>>, { chunkBytes = 64 } = {}) {
    this.#objects = objects;
    this.#chunkBytes = chunkBytes;
  }

  async *stream(key: string): AsyncIterable<Uint8Array> {
    const source = this.#objects[key];
    if (source === undefined) throw Object.assign(new Error(`no object ${key}`), { name: 'ObjectNotFound' });
    if (typeof source === 'function') {
      yield* source();
      return;
    }
    const bytes = new TextEncoder().encode(source);
    for (let start = 0; start < bytes.length; start += this.#chunkBytes) yield bytes.subarray(start, start + this.#chunkBytes);
  }

  create(key: string): ObjectWriter {
    const decoder = new TextDecoder();
    let text = '';
    let isOpen = true;
    return {
      write: async (chunk) => {
        if (!isOpen) throw new Error(`write to the closed ${key}`);
        await this.beforeWrite();
        text += decoder.decode(chunk, { stream: true });
      },
      close: async () => {
        isOpen = false;
        this.written.set(key, text);
      },
      abort: async () => {
        isOpen = false;
        this.aborted.push(key);
      },
    };
  }

  async put(key: string, body: Uint8Array | string): Promise<void> {
    this.written.set(key, String(body));
  }

  head = unexpected('head');
  get = unexpected('get');
  putIfAbsent = unexpected('putIfAbsent');
  list = unexpected('list');
  folders = unexpected('list folders');
  copy = unexpected('copy');
  delete = unexpected('delete');
}

function unexpected(operation: string): () => never {
  return () => {
    throw new Error(`The engine is not expected to ${operation}`);
  };
}

/** JSON Lines, one value a line. */
export function jsonLines(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}

/** What opens a store with these items, or this text, as the object `items.jsonl`. */
export function storeOf(items: readonly unknown[] | string, chunkBytes = 16): () => FakeStore {
  const text = typeof items === 'string' ? items : jsonLines(items);
  return () => new FakeStore({ 'items.jsonl': text }, { chunkBytes });
}
