import { join } from 'node:path';
import { directoryStore } from './directory-store.ts';

/** The buckets of a laptop: folders below one. */
export const localStores = (out: string) => ({
  input: directoryStore(join(out, 'input'), 'input'),
  work: directoryStore(join(out, 'work'), 'work'),
  results: directoryStore(join(out, 'results'), 'results'),
});
export type LocalStores = ReturnType<typeof localStores>;
