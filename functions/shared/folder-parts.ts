import { createHash } from 'node:crypto';
import { type SourcePart, sourcePartSchema } from './contract.ts';
import { jsonLines } from './json-lines.ts';
import { sourcePartsKey } from './object-keys.ts';
import type { ObjectStore } from './ports.ts';

/**
 * Whether a file below a folder is one of its parts: not what writers leave beside them (`_SUCCESS`, `_temporary/`, `.part-0.csv.crc`).
 * A partition may be called `_year=2026`; Spark reads it, too.
 * @param key below the folder.
 */
export function isPartFile(key: string): boolean {
  const folders = key.split('/');
  const name = folders.pop() ?? '';
  if (name === '' || /^[._]|\.crc$/i.test(name)) return false;
  return !folders.some((folder) => folder.startsWith('.') || (folder.startsWith('_') && !folder.includes('=')));
}

/** Version of a folder by what it holds: a hash of its parts' keys, versions and sizes. 64 hexadecimal digits. */
export const versionOfParts = (parts: readonly SourcePart[]): string =>
  createHash('sha256')
    .update(JSON.stringify(parts.map(({ key, versionId, bytes }) => [key, versionId, bytes])))
    .digest('hex');

export const bytesOfParts = (parts: readonly Pick<SourcePart, 'bytes'>[]): number => parts.reduce((sum, { bytes }) => sum + bytes, 0);

/** Stores a folder's parts as those of the run, unless they were stored before. @returns the parts that stand. */
export async function pinParts(work: ObjectStore, runId: string, parts: readonly SourcePart[]): Promise<readonly SourcePart[]> {
  const list = parts.map((part) => `${JSON.stringify(part)}\n`).join('');
  if (await work.putIfAbsent(sourcePartsKey(runId), list)) return parts;
  return (await readParts(work, runId)) ?? parts;
}

/** @returns the part files of the run's folder in key order, undefined where none were stored. */
export async function readParts(work: ObjectStore, runId: string): Promise<readonly SourcePart[] | undefined> {
  const bytes = await work.get(sourcePartsKey(runId));
  if (!bytes) return undefined;
  const parts: SourcePart[] = [];
  for await (const part of jsonLines(oneChunk(bytes))) parts.push(sourcePartSchema.parse(part));
  return parts;
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
