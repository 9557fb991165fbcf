import type { Sizes } from '../bench-arguments.ts';
import type { Setting } from '../results.ts';

export interface Figure {
  what: string;
  value: number;
  unit: string;
}

export interface QuickResults {
  sizes: Sizes;
  figures: readonly Figure[];
}

/** What is kept of a time. */
export interface Kept extends Pick<Setting, 'date' | 'machine'> {
  results: QuickResults;
}

/** The last time, undefined where it was on another machine or of other sizes. */
export const comparable = (last: Kept | undefined, machine: string, sizes: Sizes): Kept | undefined =>
  last?.machine === machine && JSON.stringify(last.results.sizes) === JSON.stringify(sizes) ? last : undefined;

/** The figures as lines of a table, beside those of before. */
export function withBefore(figures: readonly Figure[], before: Kept | undefined): Record<string, string>[] {
  return figures.map(({ what, value, unit }) => {
    const last = before?.results.figures.find((figure) => figure.what === what && figure.unit === unit)?.value;
    // A share of percents says nothing: they may be near zero, or below.
    const change =
      last === undefined ? '' : unit === '%' ? `${value < last ? '' : '+'}${(value - last).toFixed(1)}` : (value / last).toFixed(2);
    return { figure: what, unit, before: last === undefined ? '' : digits(last), now: digits(value), 'now / before': change };
  });
}

/** When "before" was. */
export const dateOfBefore = (before: Kept | undefined): string =>
  before === undefined ? 'Nothing of before is of this machine and these sizes.' : `"before" is of ${before.date}.`;

const digits = (value: number) => value.toFixed(Math.abs(value) < 100 ? 2 : 0);
