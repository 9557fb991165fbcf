import { join } from 'node:path';
import { ConfigError } from '../../functions/shared/errors.ts';

/** Half-written files, on the same file system as the objects so that a rename publishes them. Never listed. */
export const TEMPORARY_FOLDER = '.tmp';
/** What the file system cannot say of an object: version and metadata. Never listed. */
export const VERSIONS_FOLDER = '.versions';

export const isReserved = (segment: string) => segment === TEMPORARY_FOLDER || segment === VERSIONS_FOLDER;

// A backslash parts folders there, a colon names a drive or a second stream of the file.
const foreignSeparator = process.platform === 'win32' ? /[\\:]/ : undefined;

function isSafe(key: string): boolean {
  if (key.includes('\0') || foreignSeparator?.test(key)) return false;
  const segments = key.split('/');
  return !isReserved(segments[0]!) && segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..');
}

/**
 * Path of the object's file below `root`.
 * @throws ConfigError: the key would leave the folder, name a folder of the store's own, or alias another key.
 */
export function objectPath(root: string, key: string): string {
  if (!isSafe(key)) throw new ConfigError(`"${key}" cannot be the key of a file in a directory`, { code: 'unsafe_key' });
  return join(root, key);
}
