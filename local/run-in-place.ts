import { basename } from 'node:path';
import { pinFolder } from '../functions/accept-upload/pin-folder.ts';
import type { Run } from '../functions/shared/contract.ts';
import type { ObjectStore } from '../functions/shared/ports.ts';
import type { LocalUpload } from './local-upload.ts';

/** The run of the upload where it lies, for whoever only reads it: `input` is the folder that holds it. */
export async function runInPlace(upload: LocalUpload, input: ObjectStore, work: ObjectStore): Promise<Run> {
  const name = basename(upload.path);
  if (upload.kind === 'folder') return pinFolder(upload.runOf({ key: `${name}/`, versionId: 'explained', bytes: 0 }), input, work);
  const head = await input.head(name);
  if (!head) throw new Error(`${upload.path} was removed`);
  return upload.runOf({ key: name, versionId: head.versionId, bytes: head.bytes });
}
