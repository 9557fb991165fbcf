import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from './ports.ts';

/** The UTC date of a time in milliseconds since the epoch: `2026-11-26`. */
export const utcDay = (time: number): string => new Date(time).toISOString().slice(0, 10);

export const systemClock: Clock = {
  now: Date.now,
  sleep: async (seconds, signal) => {
    await delay(seconds * 1000, undefined, signal ? { signal } : {});
  },
};
