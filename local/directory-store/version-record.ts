import { readFileSync, type Stats } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { objectPath, VERSIONS_FOLDER } from './object-path.ts';
import type { WholeFiles } from './whole-files.ts';

const recordSchema = z.object({
  /** SHA-256 of the file's bytes, hexadecimal. */
  version: z.string(),
  bytes: z.number(),
  /** Time of the file's last change when the record was made: a file changed since has another version. */
  mtimeMs: z.number(),
  metadata: z.record(z.string(), z.string()).optional(),
});
export type VersionRecord = z.infer<typeof recordSchema>;

const recordPath = (root: string, key: string) => {
  objectPath(root, key);
  return join(root, VERSIONS_FOLDER, `${key}.json`);
};

/** The record of the file as it is now; undefined where there is none or the file was changed since. */
export function readVersionRecord(root: string, key: string, file: Stats): VersionRecord | undefined {
  const record = readAnyRecord(root, key);
  return record?.bytes === file.size && record.mtimeMs === file.mtimeMs ? record : undefined;
}

/** The record that lies beside the key, whether or not the file was changed since. */
export function readAnyRecord(root: string, key: string): VersionRecord | undefined {
  let text: string;
  try {
    text = readFileSync(recordPath(root, key), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
  return parseRecord(text);
}

/** undefined for what is no record, as an empty file after a power cut: the next import then writes both anew. */
function parseRecord(text: string): VersionRecord | undefined {
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export const writeVersionRecord = (files: WholeFiles, root: string, key: string, record: VersionRecord): Promise<void> =>
  files.replace(recordPath(root, key), JSON.stringify(record));

export const removeVersionRecord = (root: string, key: string): Promise<void> => rm(recordPath(root, key), { force: true });

/** Version of a file: the recorded hash of its bytes, else when it was changed and how long it is. */
export const versionOf = (file: Stats, record: VersionRecord | undefined) => record?.version ?? `${file.mtimeMs}-${file.size}`;
