import { median } from './contenders.ts';

/** Figures of several runs, null for those that the machine does not tell. */
type Told = readonly (number | null)[];

const areAllTold = (values: Told): values is readonly number[] => values.length > 0 && !values.includes(null);

/** The most of the figures, null where one of them is not told, or there is none. */
export const mostTold = (values: Told): number | null => (areAllTold(values) ? Math.max(...values) : null);

/** The median of the figures, null where one of them is not told, or there is none. */
export const medianTold = (values: Told): number | null => (areAllTold(values) ? median(values) : null);

/** A figure as a cell of a table, which is empty where the figure is not told. */
export const cellOf = (value: number | null, shown: (value: number) => string): string => (value === null ? '' : shown(value));

/**
 * What is said of a goal: that it is met, or by how much it is missed.
 * @param most what still counts as met. @default the goal itself
 */
export const verdictOnGoal = (value: number, goal: number, most = goal): string =>
  Number(value.toFixed(2)) <= most ? 'met' : `missed by ${(value - goal).toFixed(2)}`;
