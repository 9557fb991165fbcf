/** Jain's index of shares: 1 where all are equal, 1/n where one has everything. Source: Jain, Chiu and Hawe, "A Quantitative Measure of Fairness" (1984). */
export function jainIndex(shares: readonly number[]): number {
  const sum = shares.reduce((total, share) => total + share, 0);
  const squares = shares.reduce((total, share) => total + share ** 2, 0);
  return squares === 0 ? 1 : sum ** 2 / (shares.length * squares);
}

/** The smallest share as a part of the largest. */
export const smallestOfLargest = (shares: readonly number[]): number => {
  const largest = Math.max(...shares);
  return largest === 0 ? 1 : Math.min(...shares) / largest;
};
