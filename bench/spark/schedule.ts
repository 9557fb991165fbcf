import type { Load } from '../limit/lower-bound.ts';
import { boundSeconds } from '../limit/lower-bound.ts';

/** Seconds of waiting for the model up to which a cell is measured several times, and up to which it is measured at all. */
export const OFTEN_SECONDS = 10;
export const ONCE_SECONDS = 150;

/** How many times a cell is measured; 0: it is computed. */
export function timesOf(load: Load, repetitions: number): number {
  const waiting = boundSeconds(load);
  return waiting <= OFTEN_SECONDS ? repetitions : waiting <= ONCE_SECONDS ? 1 : 0;
}

/** What a cell takes that is not measured: what the same takes with a model that answers at once, and the waiting. */
export const computedSeconds = (load: Load, secondsWithoutLatency: number): number => secondsWithoutLatency + boundSeconds(load);
