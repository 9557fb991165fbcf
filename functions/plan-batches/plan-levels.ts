import type { Batch, Run } from '../shared/contract.ts';
import { fanInOf, foldShapeOf, SUMMARY_OVERHEAD_TOKENS } from '../shared/fold.ts';
import { lines } from '../shared/json-lines.ts';
import { foldablesKey, manifestKey } from '../shared/object-keys.ts';
import type { ObjectStore } from '../shared/ports.ts';

/** Plans all levels above 0, each from the one below. Planning them again gives the same bytes. */
export async function planLevels(run: Run, batches: number, work: ObjectStore): Promise<void> {
  const { places } = foldShapeOf(batches, run.settings);
  for (let level = 1; level < places.length; level++) await planLevel(run, level, work);
}

/** Writes a level's manifest, and its places for the level above it. Holds one line for every `fanIn` below. */
async function planLevel(run: Run, level: number, work: ObjectStore): Promise<void> {
  const below = foldablesKey(run.runId, level - 1);
  const fanIn = fanInOf(run.settings);
  const folds: string[] = [];
  let places: string[] = folds;
  let start = 0;
  for await (const group of inGroups(lines(work.stream(below)), fanIn)) {
    const end = start + group.reduce((bytes, line) => bytes + Buffer.byteLength(line) + 1, 0);
    const [first, ...others] = group as [string, ...string[]];
    // Only the last place can have a single one beneath: it is a place of this level, too, and nothing to be done.
    if (others.length === 0) places = [...folds, first];
    else folds.push(JSON.stringify(foldOf(group, { batchId: folds.length, level, partKey: below, start, end }, run)));
    start = end;
  }
  const text = (jsonLines: readonly string[]) => `${jsonLines.join('\n')}\n`;
  await work.put(foldablesKey(run.runId, level), text(places));
  await work.put(manifestKey(run.runId, level), text(folds));
}

function foldOf(group: readonly string[], name: Pick<Batch, 'batchId' | 'level' | 'partKey' | 'start' | 'end'>, run: Run): Batch {
  const children = group.map((line) => JSON.parse(line) as Batch);
  return {
    ...name,
    groupKey: children[0]?.groupKey ?? null,
    firstRow: Math.min(...children.map(({ firstRow }) => firstRow)),
    rows: children.reduce((rows, child) => rows + child.rows, 0),
    tokensEstimate: children.length * (run.settings.maxOutputTokens + SUMMARY_OVERHEAD_TOKENS),
  };
}

/** Lines in groups of `size`, the last perhaps smaller. */
async function* inGroups(groups: AsyncIterable<string[]>, size: number): AsyncGenerator<string[]> {
  let open: string[] = [];
  for await (const group of groups) {
    for (const line of group) {
      open.push(line);
      if (open.length < size) continue;
      yield open;
      open = [];
    }
  }
  if (open.length > 0) yield open;
}
