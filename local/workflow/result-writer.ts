import type { ObjectStore, ObjectWriter } from '../../functions/shared/ports.ts';
import { type ChildResult, describeChild, type ResultSink } from './child-result.ts';
import type { Json } from './json.ts';
import { messageOf, StateError, stateErrors } from './state-error.ts';

/** Text kept before it is handed to the store. */
const FLUSH_CHARACTERS = 256 * 1024;

export interface ResultWriterSettings {
  store: ObjectStore;
  prefix: string;
  outputType: 'JSON' | 'JSONL';
  transformation: 'NONE' | 'COMPACT' | 'FLATTEN';
  mapRunArn: string;
  mapRunId: string;
}

/**
 * Writes results below `<prefix>/<mapRunId>/` in the order in which children end: `SUCCEEDED_0`, `FAILED_0` and a
 * manifest.json that names them. Every failure is States.ResultWriterFailed.
 */
export class ResultWriter implements ResultSink {
  readonly #settings: ResultWriterSettings;
  readonly #files: { SUCCEEDED?: ResultFile; FAILED?: ResultFile } = {};

  constructor(settings: ResultWriterSettings) {
    this.#settings = settings;
  }

  async add(result: ChildResult): Promise<void> {
    const { status } = result.outcome;
    await this.#attempt(async () => {
      this.#files[status] ??= this.#open(status);
      for (const record of this.#records(result)) await this.#files[status].append(JSON.stringify(record));
    });
  }

  async finish(): Promise<Json> {
    const { store, mapRunArn } = this.#settings;
    const manifestKey = this.#key('manifest.json');
    await this.#attempt(async () => {
      const ResultFiles = {
        FAILED: this.#files.FAILED ? [await this.#files.FAILED.close()] : [],
        PENDING: [],
        SUCCEEDED: this.#files.SUCCEEDED ? [await this.#files.SUCCEEDED.close()] : [],
      };
      await store.put(manifestKey, JSON.stringify({ DestinationBucket: store.bucket, MapRunArn: mapRunArn, ResultFiles }));
    });
    return { MapRunArn: mapRunArn, ResultWriterDetails: { Bucket: store.bucket, Key: manifestKey } };
  }

  async abandon(): Promise<void> {
    await Promise.allSettled(Object.values(this.#files).map((file) => file.abort()));
  }

  /** Only outputs can be transformed: a failed child is described whatever the transformation. */
  #records(result: ChildResult): Json[] {
    const { transformation } = this.#settings;
    if (result.outcome.status === 'FAILED' || transformation === 'NONE') return [describeChild(result)];
    const { output } = result.outcome;
    return transformation === 'FLATTEN' && Array.isArray(output) ? output : [output];
  }

  #open(status: 'SUCCEEDED' | 'FAILED'): ResultFile {
    const { store, outputType } = this.#settings;
    const key = this.#key(`${status}_0.${outputType === 'JSON' ? 'json' : 'jsonl'}`);
    return new ResultFile(key, store.create(key), outputType);
  }

  #key(name: string): string {
    return `${this.#settings.prefix}/${this.#settings.mapRunId}/${name}`;
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      throw new StateError(stateErrors.resultWriterFailed, messageOf(cause), { cause });
    }
  }
}

/** One file of records. Whoever appends while a write is under way waits for it, so memory stays bounded by the children in flight. */
class ResultFile {
  readonly #key: string;
  readonly #writer: ObjectWriter;
  readonly #isArray: boolean;
  #pending: string;
  #isEmpty = true;
  #bytes = 0;
  #writing: Promise<void> | undefined;

  constructor(key: string, writer: ObjectWriter, outputType: 'JSON' | 'JSONL') {
    this.#key = key;
    this.#writer = writer;
    this.#isArray = outputType === 'JSON';
    this.#pending = this.#isArray ? '[' : '';
  }

  async append(record: string): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    this.#pending += this.#isArray ? `${this.#isEmpty ? '' : ','}${record}` : `${record}\n`;
    this.#isEmpty = false;
    if (this.#pending.length >= FLUSH_CHARACTERS) await this.#flush();
  }

  /** @returns the file's entry in the manifest. */
  async close(): Promise<{ Key: string; Size: number }> {
    if (this.#isArray) this.#pending += ']';
    await this.#flush();
    await this.#writer.close();
    return { Key: this.#key, Size: this.#bytes };
  }

  abort(): Promise<void> {
    return this.#writer.abort();
  }

  async #flush(): Promise<void> {
    const chunk = Buffer.from(this.#pending);
    this.#pending = '';
    this.#bytes += chunk.length;
    this.#writing = this.#writer.write(chunk);
    await this.#writing;
    this.#writing = undefined;
  }
}
