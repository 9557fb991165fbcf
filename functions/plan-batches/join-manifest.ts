import type { Run } from '../shared/contract.ts';
import type { GroupFolds } from '../shared/fold.ts';
import type { GroupLine } from '../shared/group-line.ts';
import { jsonLines, lines } from '../shared/json-lines.ts';
import {
  groupsKey,
  LEVELS_PART,
  manifestKey,
  partGroupsKey,
  partManifestKey,
  partName,
  partsKey,
  stagedManifestKey,
} from '../shared/object-keys.ts';
import type { PlanCounts } from '../shared/plan.ts';
import type { ObjectStore } from '../shared/ports.ts';
import { streamsAhead } from '../shared/read-ahead.ts';
import { LineWriter } from './line-writer.ts';
import { runFoldsOf, withParent } from './run-folds.ts';

/** Parts of which something is read, and parts of which something is written, at once. */
export const PARTS_IN_FLIGHT = 8;

/**
 * Joins the manifests of all parts, in order, to the one that the map reads, and gives each batch the fold that its summary goes into, there and
 * in the manifests of the parts; joins likewise the groups; and lists beside it the parts whose tables are to be written. Joining them again gives
 * the same bytes. Holds a chunk of some parts' manifests, and pieces of what is written.
 */
export async function joinManifest(work: ObjectStore, run: Run, counts: PlanCounts): Promise<void> {
  const { runId, settings } = run;
  const manifest = new LineWriter(work, manifestKey(runId, 0));
  const groups = counts.groups === null ? null : new LineWriter(work, groupsKey(runId));
  const ofRun = [manifest, ...(groups ? [groups] : [])];
  const open = new Set(ofRun);
  const closing: Promise<void>[] = [];
  const groupLines = counts.groups === null ? null : stagedGroups(work, runId, counts);
  try {
    const folds = runFoldsOf(counts, settings);
    let group: GroupFolds | undefined;
    let batchesLeft = 0;
    let place = 0;
    const nextGroup = async () => {
      const line = groupLines ? (await groupLines.next()).value : { groupKey: null, batches: counts.batches };
      if (!line) throw new Error(`Run ${runId} has batches of no group`);
      group = folds.next(line.batches);
      groups?.add(JSON.stringify({ ...line, root: group.root } satisfies GroupLine));
      batchesLeft = line.batches;
      place = 0;
    };
    let part = 0;
    for await (const chunks of streamsAhead(work, keysOfParts(runId, counts, stagedManifestKey), PARTS_IN_FLIGHT)) {
      const ofPart = new LineWriter(work, partManifestKey(runId, part++));
      open.add(ofPart);
      for await (const some of lines(chunks)) {
        for (const line of some) {
          if (batchesLeft === 0) await nextGroup();
          batchesLeft--;
          const text = withParent(line, (group as GroupFolds).parentOf(0, place++));
          manifest.add(text);
          ofPart.add(text);
        }
        for (const writer of [...ofRun, ofPart]) if (writer.isHeavy) await writer.flush();
      }
      const closed = ofPart.close().then(() => void open.delete(ofPart));
      // It is told when it is waited for.
      closed.catch(() => {});
      if (closing.push(closed) >= PARTS_IN_FLIGHT) await closing.shift();
    }
    await Promise.all(closing);
    for (const writer of ofRun) await writer.close();
  } catch (error) {
    await Promise.allSettled(closing);
    await groupLines?.return(undefined);
    for (const writer of open) await writer.abort();
    throw error;
  }
  const hasLevels = settings.rollUp || counts.groups !== null;
  const names = [...Array.from({ length: counts.parts }, (_, part) => partName(part)), ...(hasLevels ? [LEVELS_PART] : [])];
  await work.put(partsKey(runId), names.map((part) => `${JSON.stringify({ part })}\n`).join(''));
}

async function* stagedGroups(work: ObjectStore, runId: string, counts: PlanCounts): AsyncGenerator<Omit<GroupLine, 'root'>> {
  const keys = keysOfParts(runId, counts, partGroupsKey);
  for await (const chunks of streamsAhead(work, keys, PARTS_IN_FLIGHT)) yield* jsonLines<Omit<GroupLine, 'root'>>(chunks);
}

const keysOfParts = (runId: string, { parts }: PlanCounts, keyOf: (runId: string, part: number) => string) =>
  Array.from({ length: parts }, (_, part) => keyOf(runId, part));
