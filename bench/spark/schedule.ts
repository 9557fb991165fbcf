import type { Load } from '../limit/lower-bound.ts';
import { boundSeconds } from '../limit/lower-bound.ts';

/** Seconds of waiting for the model up to which a cell is measured several times, and up to which it is measured at all. */
export const OFTEN_SECONDS = 10;
export const ONCE_SECONDS = 150;

/** Whether a cell is computed, for which the same rows are measured at 0 ms. */
export const isComputed = (load: Load): boolean => boundSeconds(load) > ONCE_SECONDS;

/** How many times a cell is measured; 0: it is computed. */
export function timesOf(load: Load, repetitions: number): number {
  if (isComputed(load)) return 0;
  return boundSeconds(load) <= OFTEN_SECONDS ? repetitions : 1;
}

/** What a cell takes that is not measured: what the same takes with a model that answers at once, and the waiting. */
export const computedSeconds = (load: Load, secondsWithoutLatency: number): number => secondsWithoutLatency + boundSeconds(load);
