import { dollars } from '../functions/shared/figures.ts';

/** Numbers and texts as people read them in a terminal; what a report needs, too, is defined with the steps. */
export { count, counted, dollars, duration } from '../functions/shared/figures.ts';

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

export const shortCount = (value: number) => compact.format(value);

/** `512 B`, `61.2 kB`, `1.3 GB`; a kB is 1,000 bytes. */
export function byteSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Characters that steer what shows them: controls of a terminal, and those that turn the direction of the text behind them. */
const steering = /[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu;

/** A text without the characters by which it could steer the terminal that shows it; line breaks and tabs stay. */
export const printable = (text: string) => text.replace(steering, '\ufffd');

/** A name as part of one line: a file's may hold line breaks. */
export const printableName = (name: string) => printable(name).replace(/[\n\t]/g, '\ufffd');

/** An argument as a shell takes it. */
export const shellQuoted = (text: string) => (/^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** `price unknown`, `no cost`, `at most $0.1053`. */
export const atMostDollars = (costUsd: number | null) =>
  costUsd === null ? 'price unknown' : costUsd === 0 ? 'no cost' : `at most ${dollars(costUsd)}`;
