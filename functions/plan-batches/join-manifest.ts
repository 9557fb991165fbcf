import type { Run } from '../shared/contract.ts';
import { LEVELS_PART, manifestKey, partManifestKey, partName, partsKey } from '../shared/object-keys.ts';
import type { ObjectStore } from '../shared/ports.ts';

/** Joins the manifests of all parts, in order, to the one that the map reads, and lists beside it the parts whose tables are to be written. */
export async function joinManifest(work: ObjectStore, run: Run, parts: number): Promise<void> {
  const manifest = work.create(manifestKey(run.runId, 0));
  try {
    for (let part = 0; part < parts; part++) {
      for await (const chunk of work.stream(partManifestKey(run.runId, part))) await manifest.write(chunk);
    }
    await manifest.close();
  } catch (error) {
    await manifest.abort();
    throw error;
  }
  const names = [...Array.from({ length: parts }, (_, part) => partName(part)), ...(run.settings.rollUp ? [LEVELS_PART] : [])];
  await work.put(partsKey(run.runId), names.map((part) => `${JSON.stringify({ part })}\n`).join(''));
}
