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
import { LineWriter } from './line-writer.ts';
import { runFoldsOf, withParent } from './run-folds.ts';

/**
 * Joins the manifests of all parts, in order, to the one that the map reads, and gives each batch the fold that its summary goes into, there and
 * in the manifests of the parts; joins likewise the groups; and lists beside it the parts whose tables are to be written.
 */
export async function joinManifest(work: ObjectStore, run: Run, counts: PlanCounts): Promise<void> {
  const { runId, settings } = run;
  const manifest = new LineWriter(work, manifestKey(runId, 0));
  const groups = counts.groups === null ? null : new LineWriter(work, groupsKey(runId));
  const open = new Set([manifest, ...(groups ? [groups] : [])]);
  try {
    const folds = runFoldsOf(counts, settings);
    const groupLines = counts.groups === null ? null : stagedGroups(work, runId, counts.parts)[Symbol.asyncIterator]();
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
    for (let part = 0; part < counts.parts; part++) {
      const ofPart = new LineWriter(work, partManifestKey(runId, part));
      open.add(ofPart);
      for await (const some of lines(work.stream(stagedManifestKey(runId, part)))) {
        for (const line of some) {
          if (batchesLeft === 0) await nextGroup();
          batchesLeft--;
          const text = withParent(line, (group as GroupFolds).parentOf(0, place++));
          manifest.add(text);
          ofPart.add(text);
        }
        for (const writer of open) if (writer.isHeavy) await writer.flush();
      }
      await ofPart.close();
      open.delete(ofPart);
    }
    for (const writer of open) await writer.close();
  } catch (error) {
    for (const writer of open) await writer.abort();
    throw error;
  }
  const hasLevels = settings.rollUp || counts.groups !== null;
  const names = [...Array.from({ length: counts.parts }, (_, part) => partName(part)), ...(hasLevels ? [LEVELS_PART] : [])];
  await work.put(partsKey(runId), names.map((part) => `${JSON.stringify({ part })}\n`).join(''));
}

async function* stagedGroups(work: ObjectStore, runId: string, parts: number): AsyncGenerator<Omit<GroupLine, 'root'>> {
  for (let part = 0; part < parts; part++) yield* jsonLines<Omit<GroupLine, 'root'>>(work.stream(partGroupsKey(runId, part)));
}
