import type { Run } from '../shared/contract.ts';
import { readParts } from '../shared/folder-parts.ts';
import { readableCopyKey } from '../shared/object-keys.ts';
import type { ObjectStore } from '../shared/ports.ts';
import { openUpload } from './open-upload.ts';
import { HELD_BYTES, heldSource, pinnedSource } from './pinned-source.ts';
import { stagedCopy } from './staged-copy.ts';
import type { Upload } from './upload.ts';
import { openFolder } from './upload-folder.ts';

/**
 * The rows of a run's upload: of one object, or of the part files of a folder, each in the version that was pinned when the run was accepted.
 * @throws InvalidUploadError: the upload cannot be a source of rows.
 */
export async function openPinned({ runId, source, settings }: Run, input: ObjectStore, work: ObjectStore): Promise<Upload> {
  if (source.parts === undefined) return openUpload(pinnedSource(input, source), settings, {}, stagedCopy(work, readableCopyKey(runId, 0)));
  const parts = await readParts(work, runId);
  if (!parts) throw new Error(`The list of the part files of ${runId} is missing`);
  return openFolder(source.key, parts, (file, part, known) => {
    const pinned = pinnedSource(input, { ...part, key: source.key + part.key });
    return pinned.bytes <= HELD_BYTES
      ? openUpload(heldSource(pinned), settings, known)
      : openUpload(pinned, settings, known, stagedCopy(work, readableCopyKey(runId, file)));
  });
}
