import type { ObjectStore } from '../shared/ports.ts';
import type { KeepCopy } from './readable-upload.ts';

async function write(work: ObjectStore, key: string, chunks: AsyncIterable<Uint8Array>): Promise<number> {
  const writer = work.create(key);
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      await writer.write(chunk);
    }
    await writer.close();
  } catch (error) {
    await writer.abort();
    throw error;
  }
  return bytes;
}

/** Keeps the readable copy of an upload under a key. An object is seen only when it is whole, so the first one there is the copy. */
export function stagedCopy(work: ObjectStore, key: string): KeepCopy {
  return async (convert) => {
    const bytes = (await work.head(key))?.bytes ?? (await write(work, key, convert()));
    return { bytes, open: (start) => work.stream(key, { start }) };
  };
}
