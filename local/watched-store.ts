import type { ObjectStore } from '../functions/shared/ports.ts';

/** The store, with some of its ways replaced. */
export function watchedStore(store: ObjectStore, ways: Partial<ObjectStore>): ObjectStore {
  return {
    bucket: store.bucket,
    head: (...args) => store.head(...args),
    get: (...args) => store.get(...args),
    stream: (...args) => store.stream(...args),
    put: (...args) => store.put(...args),
    putIfAbsent: (...args) => store.putIfAbsent(...args),
    create: (...args) => store.create(...args),
    list: (...args) => store.list(...args),
    folders: (...args) => store.folders(...args),
    copy: (...args) => store.copy(...args),
    delete: (...args) => store.delete(...args),
    ...ways,
  };
}
