import { createHash } from 'node:crypto';
import * as z from 'zod';
import { parseJson } from '../../functions/shared/json-lines.ts';
import type { ObjectStore } from '../../functions/shared/ports.ts';

const acceptedSchema = z.object({
  /** Of the files as they were read. */
  signature: z.string(),
  /** Of the bytes that were read. */
  versionId: z.string(),
  runId: z.string(),
  /** Whether the run had an attempt: one that has none any more was forgotten. */
  isStarted: z.boolean(),
});
export type Accepted = z.infer<typeof acceptedSchema>;

/**
 * Which run the upload under a key had, at an endpoint. So a version of a file has one run, whatever settings the next start of the watch has: only
 * other words, or another endpoint, are paid for again.
 */
export class AcceptedUploads {
  readonly #store: ObjectStore;
  readonly #endpoint: string;

  constructor(store: ObjectStore, endpoint: string) {
    this.#store = store;
    this.#endpoint = endpoint;
  }

  async find(key: string): Promise<Accepted | undefined> {
    const bytes = await this.#store.get(this.#keyOf(key));
    return bytes && acceptedSchema.safeParse(parseJson(bytes)).data;
  }

  async keep(key: string, accepted: Accepted): Promise<void> {
    await this.#store.put(this.#keyOf(key), JSON.stringify(accepted));
  }

  readonly #keyOf = (key: string) =>
    `${createHash('sha256')
      .update(JSON.stringify([this.#endpoint, key]))
      .digest('hex')}.json`;
}
