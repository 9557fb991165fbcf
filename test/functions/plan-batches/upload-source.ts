import { openUpload } from '../../../functions/plan-batches/open-upload.ts';
import type { UploadSource } from '../../../functions/plan-batches/records/record-format.ts';
import type { Position, Upload, UploadRow } from '../../../functions/plan-batches/upload.ts';
import { defaultSettings, type Settings } from '../../../functions/shared/settings.ts';

const CHUNK_BYTES = 64 * 1024;

/** An upload in memory, brought in chunks of a given size. */
export const memorySource = (name: string, bytes: Uint8Array, chunkBytes = CHUNK_BYTES): UploadSource => ({
  name,
  bytes: bytes.length,
  async *open(startByte) {
    if (startByte >= bytes.length) throw new RangeError(`no byte ${startByte} in ${bytes.length}: a store answers 416`);
    for (let at = startByte; at < bytes.length; at += chunkBytes) yield bytes.slice(at, at + chunkBytes);
  },
});

export const openBytes = (
  name: string,
  content: Uint8Array | string,
  settings: Partial<Settings> = {},
  chunkBytes = CHUNK_BYTES,
): Promise<Upload> => openUpload(memorySource(name, Buffer.from(content), chunkBytes), { ...defaultSettings, ...settings });

export async function rowsOf(upload: Upload, from: Position = upload.start): Promise<UploadRow[]> {
  const rows: UploadRow[] = [];
  for await (const group of upload.rows(from)) rows.push(...group);
  return rows;
}
