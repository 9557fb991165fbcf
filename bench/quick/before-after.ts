import type { Sizes } from '../bench-arguments.ts';

export interface Figure {
  what: string;
  value: number;
  unit: string;
}

export interface QuickResults {
  sizes: Sizes;
  figures: readonly Figure[];
}

/** The figures as lines of a table, beside those of the last time where that was of the same sizes. */
export function withBefore(figures: readonly Figure[], before: QuickResults | undefined, sizes: Sizes): Record<string, string>[] {
  const isComparable = before !== undefined && JSON.stringify(before.sizes) === JSON.stringify(sizes);
  return figures.map(({ what, value, unit }) => {
    const last = isComparable ? before.figures.find((figure) => figure.what === what && figure.unit === unit)?.value : undefined;
    // A share of percents says nothing: they may be near zero, or below.
    const change =
      last === undefined ? '' : unit === '%' ? `${value < last ? '' : '+'}${(value - last).toFixed(1)}` : (value / last).toFixed(2);
    return { figure: what, unit, before: last === undefined ? '' : digits(last), now: digits(value), 'now / before': change };
  });
}

const digits = (value: number) => value.toFixed(Math.abs(value) < 100 ? 2 : 0);
