import pLimit from 'p-limit';
import type { Run, SourcePart } from '../shared/contract.ts';
import { bytesOfParts, isPartFile, pinParts, readParts } from '../shared/folder-parts.ts';
import { MAX_FOLDER_PARTS } from '../shared/limits.ts';
import type { ObjectStore } from '../shared/ports.ts';

const HEADS_IN_FLIGHT = 64;

/** The run with the part files of its folder pinned: those that are there now, or those that were when the run was accepted first. */
export async function pinFolder(run: Run, input: ObjectStore, work: ObjectStore): Promise<Run> {
  const parts = (await readParts(work, run.runId)) ?? (await pinParts(work, run.runId, await partsIn(run.source.key, input)));
  return { ...run, source: { ...run.source, bytes: bytesOfParts(parts), parts: parts.length } };
}

/** The part files below a folder in key order, each with its newest version; one more than are allowed at most. Empty ones are left out. */
async function partsIn(folder: string, input: ObjectStore): Promise<SourcePart[]> {
  const keys: string[] = [];
  for await (const { key, bytes } of input.list(folder)) {
    if (bytes > 0 && isPartFile(key.slice(folder.length))) keys.push(key);
    if (keys.length > MAX_FOLDER_PARTS) break;
  }
  const limit = pLimit(HEADS_IN_FLIGHT);
  const heads = await Promise.all(keys.map((key) => limit(() => input.head(key))));
  // A part that was removed meanwhile is none of the folder's.
  return keys.flatMap((key, index) => {
    const head = heads[index];
    return head && head.bytes > 0 ? [{ key: key.slice(folder.length), versionId: head.versionId, bytes: head.bytes }] : [];
  });
}
