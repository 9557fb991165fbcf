import type { ByteRange, ObjectHead, ObjectStore, ObjectWriter, ReadOptions } from '../../functions/shared/ports.ts';

type Operation = 'head' | 'get' | 'stream' | 'put' | 'putIfAbsent' | 'close' | 'list' | 'copy' | 'delete';
const writing: readonly Operation[] = ['put', 'putIfAbsent', 'close', 'copy', 'delete'];

interface StoredObject {
  bytes: Buffer;
  versionId: string;
  metadata: Record<string, string>;
}

interface Watch {
  key: RegExp;
  operation: Operation | 'write';
  moment: 'before' | 'after';
  /** How many matching operations are still let through. */
  skip: number;
  action: () => void | Promise<void>;
}

/** Which operations a test steps into: those on keys that match, `nth` of them (1 is the first), once. */
interface WatchOptions {
  /** `write` is whatever changes the bucket. @default 'write' */
  operation?: Operation | 'write';
  /** @default 1 */
  nth?: number;
}

const notFound = (message: string) => Object.assign(new Error(message), { name: 'ObjectNotFound' });
const byUtf8 = (one: string, other: string) => Buffer.compare(Buffer.from(one), Buffer.from(other));

/** A bucket in memory that records what is done to it and fails where a test says so. Versions are never reused; only the latest is kept. */
export class MemoryStore implements ObjectStore {
  readonly bucket: string;
  /** Every operation, in order: `put runs/july/plan.json`. One that failed before it began is not in it. */
  readonly operations: string[] = [];
  readonly #objects = new Map<string, StoredObject>();
  readonly #watches: Watch[] = [];
  readonly #chunkBytes: number;
  #versions = 0;

  constructor(bucket: string, { chunkBytes = 64 * 1024 } = {}) {
    this.bucket = bucket;
    this.#chunkBytes = chunkBytes;
  }

  /** Runs something of the test's before an operation. */
  before(key: RegExp, action: Watch['action'], options: WatchOptions = {}): void {
    this.#watch(key, 'before', action, options);
  }

  /** The process dies before an operation: nothing of it is done. */
  crashBefore(key: RegExp, options: WatchOptions = {}): void {
    this.#watch(key, 'before', crash, options);
  }

  /** The process dies after an operation: it is done, and nobody hears of it. */
  crashAfter(key: RegExp, options: WatchOptions = {}): void {
    this.#watch(key, 'after', crash, options);
  }

  #watch(key: RegExp, moment: Watch['moment'], action: Watch['action'], { operation = 'write', nth = 1 }: WatchOptions): void {
    this.#watches.push({ key, operation, moment, skip: nth - 1, action });
  }

  /** Keys that were written, in order; a key that was written twice is in it twice. */
  get writtenKeys(): string[] {
    return this.operations.filter((line) => /^(put|putIfAbsent|close|copy) /.test(line)).map((line) => line.slice(line.indexOf(' ') + 1));
  }

  keys(prefix = ''): string[] {
    return [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).sort(byUtf8);
  }

  /** @throws Error: there is no such object. */
  bytes(key: string): Buffer {
    const object = this.#objects.get(key);
    if (!object) throw notFound(`There is no ${key}; there are ${this.keys().join(', ')}`);
    return object.bytes;
  }

  text = (key: string): string => this.bytes(key).toString('utf8');

  json<Value = Record<string, unknown>>(key: string): Value {
    return JSON.parse(this.text(key)) as Value;
  }

  jsonLines<Value = Record<string, unknown>>(key: string): Value[] {
    const lines = this.text(key).split('\n');
    if (lines.pop() !== '') throw new Error(`${key} does not end with a line feed`);
    return lines.map((line) => JSON.parse(line) as Value);
  }

  /** Puts an object without a record in `operations`. @returns its version. */
  seed(key: string, body: Uint8Array | string, metadata: Record<string, string> = {}): string {
    this.#versions++;
    const versionId = `v${this.#versions}`;
    this.#objects.set(key, { bytes: Buffer.from(body as string), versionId, metadata });
    return versionId;
  }

  /** A bucket of the same name with the same objects: what the next process finds. */
  clone(): MemoryStore {
    const copy = new MemoryStore(this.bucket, { chunkBytes: this.#chunkBytes });
    for (const [key, object] of this.#objects) copy.#objects.set(key, object);
    copy.#versions = this.#versions;
    return copy;
  }

  async #step(operation: Operation, key: string, moment: Watch['moment']): Promise<void> {
    for (const watch of [...this.#watches]) {
      const isMeant = watch.operation === operation || (watch.operation === 'write' && writing.includes(operation));
      if (!isMeant || watch.moment !== moment || !watch.key.test(key) || watch.skip-- > 0) continue;
      this.#watches.splice(this.#watches.indexOf(watch), 1);
      await watch.action();
    }
  }

  async #do<Result>(operation: Operation, key: string, signal: AbortSignal | undefined, work: () => Result): Promise<Result> {
    signal?.throwIfAborted();
    await this.#step(operation, key, 'before');
    this.operations.push(`${operation} ${key}`);
    const result = work();
    await this.#step(operation, key, 'after');
    return result;
  }

  #find(key: string, versionId: string | undefined): StoredObject | undefined {
    const object = this.#objects.get(key);
    if (versionId !== undefined && object?.versionId !== versionId) throw notFound(`Version ${versionId} of ${key} is gone`);
    return object;
  }

  head(key: string, { versionId, signal }: ReadOptions = {}): Promise<ObjectHead | undefined> {
    return this.#do('head', key, signal, () => {
      const object = this.#find(key, versionId);
      return object && { bytes: object.bytes.length, versionId: object.versionId, metadata: { ...object.metadata } };
    });
  }

  get(key: string, { range, versionId, signal }: ReadOptions & { range?: ByteRange } = {}): Promise<Uint8Array | undefined> {
    return this.#do('get', key, signal, () => {
      const bytes = this.#find(key, versionId)?.bytes;
      return bytes && Uint8Array.from(range ? bytes.subarray(range.start, range.end) : bytes);
    });
  }

  async *stream(key: string, { start = 0, versionId, signal }: ReadOptions & { start?: number } = {}): AsyncGenerator<Uint8Array> {
    const bytes = await this.#do('stream', key, signal, () => this.#find(key, versionId)?.bytes);
    if (!bytes) throw notFound(`There is no ${key} in ${this.bucket}`);
    for (let at = start; at < bytes.length; at += this.#chunkBytes) {
      signal?.throwIfAborted();
      yield Uint8Array.from(bytes.subarray(at, at + this.#chunkBytes));
    }
  }

  put(
    key: string,
    body: Uint8Array | string,
    { signal, metadata }: { signal?: AbortSignal | undefined; metadata?: Record<string, string> } = {},
  ): Promise<void> {
    return this.#do('put', key, signal, () => void this.seed(key, body, metadata));
  }

  putIfAbsent(key: string, body: Uint8Array | string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<boolean> {
    return this.#do('putIfAbsent', key, signal, () => {
      if (this.#objects.has(key)) {
        this.operations.pop();
        return false;
      }
      this.seed(key, body);
      return true;
    });
  }

  create(key: string): ObjectWriter {
    const chunks: Buffer[] = [];
    let isOver = false;
    return {
      write: async (chunk) => {
        if (isOver) throw new Error(`The writing of ${key} is over`);
        chunks.push(Buffer.from(chunk));
      },
      close: async () => {
        if (isOver) throw new Error(`The writing of ${key} is over`);
        isOver = true;
        await this.#do('close', key, undefined, () => void this.seed(key, Buffer.concat(chunks)));
      },
      abort: async () => {
        isOver = true;
      },
    };
  }

  async *list(prefix: string): AsyncGenerator<{ key: string; bytes: number }> {
    const keys = await this.#do('list', prefix, undefined, () => this.keys(prefix));
    for (const key of keys) yield { key, bytes: this.#objects.get(key)?.bytes.length ?? 0 };
  }

  async *folders(prefix: string): AsyncGenerator<string> {
    const keys = await this.#do('list', prefix, undefined, () => this.keys(prefix));
    const ends = keys.map((key) => key.indexOf('/', prefix.length));
    yield* new Set(keys.flatMap((key, index) => ((ends[index] ?? -1) < 0 ? [] : [key.slice(0, (ends[index] ?? 0) + 1)])));
  }

  async copy(source: ObjectStore, sourceKey: string, key: string): Promise<void> {
    if (!(source instanceof MemoryStore)) throw new Error('Copies go from one MemoryStore to another');
    const object = source.#objects.get(sourceKey);
    if (!object) throw notFound(`There is no ${sourceKey} in ${source.bucket}`);
    await this.#do('copy', key, undefined, () => void this.seed(key, object.bytes, object.metadata));
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.#do('delete', key, undefined, () => void this.#objects.delete(key));
  }
}

function crash(): never {
  throw Object.assign(new Error('The process died here'), { name: 'CrashError' });
}
