import type { ObjectStore } from '../shared/ports.ts';
import type { UploadSource } from './records/record-format.ts';

/** Bytes up to which a part file of a folder is held in memory while it is read. */
export const HELD_BYTES = 4 * 1024 * 1024;

interface PinnedObject {
  key: string;
  versionId: string;
  bytes: number;
}

/** One version of one object as a source of rows. */
export const pinnedSource = (input: ObjectStore, { key, versionId, bytes }: PinnedObject): UploadSource => ({
  name: key,
  bytes,
  open: (start) => input.stream(key, { start, versionId }),
  async read(start, end) {
    const range = await input.get(key, { range: { start, end }, versionId });
    if (!range) throw new Error(`There is no ${key} in ${input.bucket}`);
    return range;
  },
});

/** The same, fetched once and held: its head, its sample and its rows are then one request instead of three. */
export function heldSource(source: UploadSource): UploadSource {
  let held: Promise<Buffer> | undefined;
  const fetched = async () => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of source.open(0)) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
  const whole = () => {
    held ??= fetched();
    return held;
  };
  return {
    name: source.name,
    bytes: source.bytes,
    async *open(start) {
      yield (await whole()).subarray(start);
    },
    read: async (start, end) => (await whole()).subarray(start, end),
  };
}
