import { count, duration } from './figures.ts';
import type { MeterPart } from './run-meter.ts';

export const stoppingPart = (callsInFlight: number): MeterPart => ({
  text: `stopping, ${count(callsInFlight)} in flight`,
  short: 'stopping',
  rank: 8,
});

export function leftPart(seconds: number | null): MeterPart {
  if (seconds === null) return { text: '? left', rank: 8 };
  // Tenths of a second would only flicker.
  const text = seconds < 60 ? `${Math.ceil(seconds)} s` : duration(seconds);
  return { text: `${text} left`, short: text, rank: 8 };
}
