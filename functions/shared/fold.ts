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

/** Model calls that a run makes where nothing fails and nothing is found: a batch each, and a fold each. */
export const callsOf = (batches: number, settings: Settings): number => batches + foldShapeOf(batches, settings).allFolds;

/** The shape of a planned run's roll-up, under the settings that its plan froze. */
export const foldShapeOfPlan = ({ counts, settings }: Pick<Plan, 'counts' | 'settings'>): FoldShape =>
  foldShapeOf(counts.batches, settings);

/** The shape of a run's roll-up under its settings. */
export const foldShapeOf = (batches: number, settings: Settings): FoldShape => new FoldShape(batches, fanInOf(settings), settings.rollUp);
