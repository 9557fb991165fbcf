import { createHash } from 'node:crypto';
import { startsRun, uploadKindIn } from '../../functions/accept-upload/accept-upload.ts';
import { isPartFile } from '../../functions/shared/folder-parts.ts';
import { datasetOf, SUCCESS_FILE, settingsKeyOf } from '../../functions/shared/object-keys.ts';
import type { Settings } from '../../functions/shared/settings.ts';
import type { SeenFile } from './folder-scan.ts';

/** What would start a run, if it stays as it is. */
export interface SeenUpload {
  /** Its key in the input bucket: the path below the watched folder; that of a folder ends in `/`. */
  key: string;
  kind: Settings['upload'];
  dataset: string;
  /** Changes with the files of the upload. */
  signature: string;
  /** Changes with the settings file of its dataset. */
  settingsSignature: string;
}

const ofFile = ({ key, bytes, mtimeMs, inode }: SeenFile) => [key, bytes, mtimeMs, inode];
const hashOf = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex');

/** The signature of an upload that is one file. */
export const signatureOfFile = (file: SeenFile) => hashOf(ofFile(file));

/**
 * The uploads among the files, in key order, as the input bucket would have them: the first folder is the dataset, and its settings file says
 * whether one upload is a file or a folder that `_SUCCESS` closes.
 * @param read the bytes of a settings file, undefined where it has gone.
 */
export function uploadsAmong(files: readonly SeenFile[], read: (key: string) => Uint8Array | undefined): SeenUpload[] {
  const byKey = new Map(files.map((file) => [file.key, file]));
  const kinds = new Map<string, Settings['upload']>();
  const kindOf = (settingsKey: string) => {
    const known = kinds.get(settingsKey) ?? uploadKindIn(byKey.has(settingsKey) ? read(settingsKey) : undefined);
    kinds.set(settingsKey, known);
    return known;
  };
  const uploads: SeenUpload[] = [];
  for (const file of files) {
    const settingsKey = settingsKeyOf(file.key);
    const settingsFile = byKey.get(settingsKey);
    const shared = { dataset: datasetOf(file.key), settingsSignature: settingsFile ? hashOf(ofFile(settingsFile)) : '' };
    const kind = kindOf(settingsKey);
    if (kind === 'file' && startsRun(file.key, file.bytes)) {
      uploads.push({ key: file.key, kind, signature: signatureOfFile(file), ...shared });
    }
    if (kind === 'folder' && (file.key === SUCCESS_FILE || file.key.endsWith(`/${SUCCESS_FILE}`))) {
      const folder = file.key.slice(0, -SUCCESS_FILE.length);
      const parts = files.filter(({ key }) => key.startsWith(folder) && isPartFile(key.slice(folder.length)));
      uploads.push({ key: folder, kind, signature: hashOf([file, ...parts.toSorted(byName)].map(ofFile)), ...shared });
    }
  }
  return uploads.sort(byName);
}

const byName = ({ key: one }: { key: string }, { key: other }: { key: string }) => (one < other ? -1 : one > other ? 1 : 0);
