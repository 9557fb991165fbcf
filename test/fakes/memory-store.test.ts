import { describeObjectStore } from '../contracts/object-store.ts';
import { MemoryStore } from './memory-store.ts';

describeObjectStore('memory', {
  open: async () => ({
    store: new MemoryStore('work'),
    other: new MemoryStore('results'),
    leftovers: async () => [],
    close: async () => {},
  }),
  nestsKeys: true,
  pageKeys: 100,
});
