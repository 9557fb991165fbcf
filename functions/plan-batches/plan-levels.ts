import type { Batch, Run } from '../shared/contract.ts';
import { type BatchName, type FoldShape, fanInOf, SUMMARY_OVERHEAD_TOKENS } from '../shared/fold.ts';
import { batchesOfGroups } from '../shared/group-line.ts';
import { lines } from '../shared/json-lines.ts';
import { foldablesKey, manifestKey } from '../shared/object-keys.ts';
import type { PlanCounts } from '../shared/plan.ts';
import type { ObjectStore } from '../shared/ports.ts';
import { LineWriter } from './line-writer.ts';
import { runFoldsOf } from './run-folds.ts';

/** Places that are folded among themselves, on one level. */
interface PlacesBelow {
  places: number;
  /** @param place of a fold, among those that these places become. */
  parentOf(place: number): BatchName | null;
}

/**
 * Plans all levels above 0, each from the one below. Planning them again gives the same bytes.
 * @returns how many folds each level has, and how many summaries they take together.
 */
export async function planLevels(run: Run, counts: PlanCounts, work: ObjectStore): Promise<{ folds: number[]; foldedSummaries: number }> {
  const { groupLevels, above } = runFoldsOf(counts, run.settings);
  const topLevel = groupLevels + Math.max(0, above.places.length - 1);
  for (let level = 1; level <= topLevel; level++) {
    await planLevel(run, level, level > groupLevels ? rootsBelow(level) : groupsBelow(level), work);
  }
  const all = runFoldsOf(counts, run.settings);
  for await (const batches of batchesOfGroups(run, counts, work)) all.next(batches);
  return { folds: all.folds, foldedSummaries: all.foldedSummaries };

  async function* groupsBelow(level: number): AsyncGenerator<PlacesBelow> {
    const folds = runFoldsOf(counts, run.settings);
    for await (const batches of batchesOfGroups(run, counts, work)) {
      const group = folds.next(batches);
      yield { places: placesOn(group.shape, level - 1), parentOf: (place) => group.parentOf(level, place) };
    }
  }

  async function* rootsBelow(level: number): AsyncGenerator<PlacesBelow> {
    const folds = runFoldsOf(counts, run.settings);
    yield {
      places: placesOn(above, level - 1 - groupLevels),
      parentOf: (batchId) => folds.parentAbove({ level, batchId }),
    };
  }
}

/** Places on a level: above its root a shape goes on as the one place that is passed up. */
const placesOn = ({ places }: FoldShape, level: number) => places[level] ?? 1;

/** Writes a level's manifest, and its places for the level above it. Holds the lines of one fold. */
async function planLevel(run: Run, level: number, below: AsyncIterable<PlacesBelow>, work: ObjectStore): Promise<void> {
  const partKey = foldablesKey(run.runId, level - 1);
  const fanIn = fanInOf(run.settings);
  const places = new LineWriter(work, foldablesKey(run.runId, level));
  const folds = new LineWriter(work, manifestKey(run.runId, level));
  let batchId = 0;
  let start = 0;
  try {
    const linesBelow = linesOneByOne(work, partKey);
    for await (const { places: placesBelow, parentOf } of below) {
      for (let taken = 0; taken < placesBelow; taken += fanIn) {
        const group: string[] = [];
        while (group.length < Math.min(fanIn, placesBelow - taken)) {
          const { value, done } = await linesBelow.next();
          if (done) throw new Error(`Level ${level - 1} of ${run.runId} ends before its last place`);
          group.push(value);
        }
        const end = start + group.reduce((bytes, line) => bytes + Buffer.byteLength(line) + 1, 0);
        const [first, ...others] = group as [string, ...string[]];
        // Only the last place can have a single one beneath: it is a place of this level, too, and nothing to be done.
        if (others.length === 0) places.add(first);
        else {
          const name = { batchId: batchId++, level, partKey, start, end };
          const fold = JSON.stringify(foldOf(group, name, parentOf(taken / fanIn), run));
          places.add(fold);
          folds.add(fold);
        }
        start = end;
        if (places.isHeavy) await Promise.all([places.flush(), folds.flush()]);
      }
    }
    await places.close();
    await folds.close();
  } catch (error) {
    await Promise.all([places.abort(), folds.abort()]);
    throw error;
  }
}

function foldOf(
  group: readonly string[],
  name: Pick<Batch, 'batchId' | 'level' | 'partKey' | 'start' | 'end'>,
  parent: BatchName | null,
  run: Run,
): Batch {
  const children = group.map((line) => JSON.parse(line) as Batch);
  const groupKey = children[0]?.groupKey ?? null;
  return {
    ...name,
    // Above the groups' roots a fold is of no group.
    groupKey: children.every((child) => child.groupKey === groupKey) ? groupKey : null,
    firstRow: Math.min(...children.map(({ firstRow }) => firstRow)),
    rows: children.reduce((rows, child) => rows + child.rows, 0),
    tokensEstimate: children.length * (run.settings.maxOutputTokens + SUMMARY_OVERHEAD_TOKENS),
    parent,
  };
}

async function* linesOneByOne(work: ObjectStore, key: string): AsyncGenerator<string, undefined> {
  for await (const group of lines(work.stream(key))) yield* group;
  return undefined;
}
