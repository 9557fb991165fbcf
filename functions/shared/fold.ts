import { FAN_IN } from './limits.ts';
import type { Plan } from './plan.ts';
import type { Settings } from './settings.ts';

/*
 * The arithmetic of the roll-up. Each level has places, in order: the batches at level 0, and above them one place for every `fanIn` places
 * below. A place with two or more places beneath is a fold: a batch of its level whose id is its place. The last place of a level may have a
 * single one beneath, whose summary is passed up: no call, no batch. The one place of the highest level is the root.
 */

/** Tokens that a summary has in a merge beside its own: its number of rows and the JSON around it. */
export const SUMMARY_OVERHEAD_TOKENS = 16;

/** Summaries that one merge takes: a hundred, fewer where so many of the longest would not fit into a request; never fewer than two. */
export const fanInOf = ({ maxBatchTokens, maxOutputTokens }: Pick<Settings, 'maxBatchTokens' | 'maxOutputTokens'>): number =>
  Math.max(2, Math.min(FAN_IN, Math.floor(maxBatchTokens / (maxOutputTokens + SUMMARY_OVERHEAD_TOKENS))));

/** A batch of any level by its name. */
export interface BatchName {
  level: number;
  batchId: number;
}

/** The shape of one run's roll-up. */
export class FoldShape {
  readonly fanIn: number;
  /** Places of each level, from level 0 up to the root's, which has one: `[250, 3, 1]`. Empty for no batches. */
  readonly places: readonly number[];

  /** @param isRolledUp false: there is level 0 and nothing above it. */
  constructor(batches: number, fanIn: number, isRolledUp = true) {
    this.fanIn = fanIn;
    const places = batches > 0 ? [batches] : [];
    for (let last = batches; isRolledUp && last > 1; places.push(last)) last = Math.ceil(last / fanIn);
    this.places = places;
  }

  /** Whether the last place of a level above 0 has a single one beneath. */
  private endsAlone(level: number): boolean {
    return ((this.places[level - 1] ?? 0) - 1) % this.fanIn === 0;
  }

  /** Folds of a level above 0; 0 above the root. */
  folds(level: number): number {
    const places = this.places[level] ?? 0;
    return places > 0 && this.endsAlone(level) ? places - 1 : places;
  }

  /** Folds of all levels. */
  get allFolds(): number {
    return this.places.reduce((sum, _, level) => (level === 0 ? 0 : sum + this.folds(level)), 0);
  }

  /** Summaries that all folds take together. */
  get foldedSummaries(): number {
    return this.places.reduce(
      (sum, _, level) => (level === 0 ? 0 : sum + (this.places[level - 1] ?? 0) - (this.endsAlone(level) ? 1 : 0)),
      0,
    );
  }

  /** The fold that a batch's summary goes into, however often it is passed up before; null for the root. */
  parentOf({ level, batchId }: BatchName): BatchName | null {
    let place = batchId;
    for (let above = level + 1; above < this.places.length; above++) {
      place = Math.floor(place / this.fanIn);
      if (place < this.folds(above)) return { level: above, batchId: place };
    }
    return null;
  }
}

/** The shape of a group's roll-up under a run's settings; without grouping all batches are one group. */
export const foldShapeOf = (batches: number, settings: Settings): FoldShape => new FoldShape(batches, fanInOf(settings), settings.rollUp);

/** What the shape of a run's whole roll-up follows from. */
export interface GroupCounts {
  /** Groups that have batches; 1 without grouping. */
  groups: number;
  /** Batches of the group that has most of them. */
  largestGroupBatches: number;
}

/** One group's part of the roll-up, in the numbers of the whole run. */
export class GroupFolds {
  readonly shape: FoldShape;
  /** Id of the group's first batch on each of its levels. */
  private readonly firstIds: readonly number[];
  private readonly parentOfRoot: BatchName | null;

  constructor(shape: FoldShape, firstIds: readonly number[], parentOfRoot: BatchName | null) {
    this.shape = shape;
    this.firstIds = firstIds;
    this.parentOfRoot = parentOfRoot;
  }

  private named({ level, batchId }: BatchName): BatchName {
    return { level, batchId: (this.firstIds[level] ?? 0) + batchId };
  }

  /** The fold that a batch's summary goes into, null for the root of the run. @param place of the batch among those of its group and level. */
  parentOf(level: number, place: number): BatchName | null {
    const parent = this.shape.parentOf({ level, batchId: place });
    if (parent) return this.named(parent);
    return this.shape.places.at(-1) === 1 ? this.parentOfRoot : null;
  }

  /** The batch whose summary stands for the whole group; null where its batches are not folded. */
  get root(): BatchName | null {
    return this.shape.places.at(-1) === 1 ? this.named({ level: this.shape.places.length - 1, batchId: 0 }) : null;
  }
}

/**
 * The roll-up of a whole run, group by group: each group is folded to its own root on levels 1 to `groupLevels`, as high as any group needs, and
 * the levels above fold the roots of the groups, in the order of the groups. Folds of a level are numbered through over the groups.
 */
export class RunFolds {
  readonly groupLevels: number;
  /** Above `groupLevels`: the roots of the groups in place of batches. */
  readonly above: FoldShape;
  private readonly settings: Settings;
  /** Batches taken so far, on each level. */
  private readonly taken: number[];
  private summaries = 0;
  private groupsTaken = 0;

  constructor({ groups, largestGroupBatches }: GroupCounts, settings: Settings) {
    this.settings = settings;
    this.groupLevels = Math.max(0, foldShapeOf(largestGroupBatches, settings).places.length - 1);
    this.above = foldShapeOf(groups, settings);
    this.taken = Array<number>(this.groupLevels + 1).fill(0);
  }

  /** The next group, which has so many batches. */
  next(batches: number): GroupFolds {
    const shape = foldShapeOf(batches, this.settings);
    const parent = this.above.parentOf({ level: 0, batchId: this.groupsTaken++ });
    const group = new GroupFolds(shape, [...this.taken], parent && { ...parent, level: parent.level + this.groupLevels });
    this.taken[0] = (this.taken[0] ?? 0) + batches;
    for (let level = 1; level < shape.places.length; level++) this.taken[level] = (this.taken[level] ?? 0) + shape.folds(level);
    this.summaries += shape.foldedSummaries;
    return group;
  }

  /** The parent of a fold of the groups' roots, null for the root of the run. */
  parentAbove({ level, batchId }: BatchName): BatchName | null {
    const parent = this.above.parentOf({ level: level - this.groupLevels, batchId });
    return parent && { ...parent, level: parent.level + this.groupLevels };
  }

  /** Folds of each level from 1 up to the root's, of the groups taken so far and of the levels above all groups. */
  get folds(): number[] {
    return [...this.taken.slice(1), ...this.above.places.slice(1).map((_, index) => this.above.folds(index + 1))];
  }

  /** Summaries that all these folds take together. */
  get foldedSummaries(): number {
    return this.summaries + this.above.foldedSummaries;
  }
}

/** Model calls that a planned run makes where nothing fails and nothing is found: a batch each, and a fold each. */
export const callsOf = ({ counts, folds }: Pick<Plan, 'counts' | 'folds'>): number =>
  folds.reduce((calls, some) => calls + some, counts.batches);
