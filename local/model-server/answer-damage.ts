/** What a fault does to an answer of JSON: each function gives the damage to the value that the answer holds. */
export type Damage = (answer: unknown) => unknown;

interface Entry {
  row: number;
  [field: string]: unknown;
}

/** Damage to the list `rows` of an answer; an answer without one is left as it is. */
const toRows =
  (change: (entries: Entry[]) => Entry[]): Damage =>
  (answer) => {
    const { rows } = Object(answer) as { rows?: Entry[] };
    return Array.isArray(rows) ? { ...(answer as object), rows: change(rows) } : answer;
  };

const isOf =
  (rows: readonly number[]) =>
  ({ row }: Entry) =>
    rows.includes(row);

/** Leaves the entries of these rows out. */
export const dropRows = (...rows: number[]): Damage => toRows((entries) => entries.filter((entry) => !isOf(rows)(entry)));

/** Says the entries of these rows twice, the second time in other words. */
export const doubleRows = (...rows: number[]): Damage =>
  toRows((entries) => [...entries, ...entries.filter(isOf(rows)).map((entry) => ({ ...entry, summary: `Again: ${entry.summary}` }))]);

/** Adds entries of rows that were not asked for. */
export const inventRows = (...rows: number[]): Damage =>
  toRows((entries) => [...entries, ...rows.map((row) => ({ row, summary: `Invented for row ${row}.` }))]);

/** Leaves these rows without words. */
export const emptyRows = (...rows: number[]): Damage =>
  toRows((entries) => entries.map((entry) => (isOf(rows)(entry) ? { ...entry, summary: ' ' } : entry)));

/** One damage after the other. */
export const allOf =
  (...damages: Damage[]): Damage =>
  (answer) =>
    damages.reduce((value, damage) => damage(value), answer);
