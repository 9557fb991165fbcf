/** A batch of rows of one way: `rows` follow those of the batch before it in the same group. */
export interface AlignableBatch {
  groupKey: string | null;
  rows: number;
}

/** The same rows in every way. */
export interface Stretch<Item> {
  groupKey: string | null;
  /** Place of the first of them among the rows of the group, from 0. */
  firstRow: number;
  rows: number;
  /** The batches of each way that hold these rows and no others. */
  batches: Item[][];
}

interface Placed<Item> {
  item: Item;
  end: number;
}

/** Batches by their group, each with the place at which its rows end. */
function placed<Item extends AlignableBatch>(batches: readonly Item[]): Map<string | null, Placed<Item>[]> {
  const groups = new Map<string | null, Placed<Item>[]>();
  for (const item of batches) {
    const group = groups.get(item.groupKey) ?? [];
    groups.set(item.groupKey, group);
    group.push({ item, end: (group.at(-1)?.end ?? 0) + item.rows });
  }
  return groups;
}

/**
 * The shortest stretches of rows at whose ends a batch ends in every way, in the order of the rows: 200 rows where batches have 50, 100 and 200. Each
 * way has its batches in the order of the rows, and all ways have the same rows.
 */
export function alignedStretches<Item extends AlignableBatch>(ways: readonly (readonly Item[])[]): Stretch<Item>[] {
  const groupsOfWays = ways.map(placed);
  const groupKeys = new Set(groupsOfWays.flatMap((groups) => [...groups.keys()]));
  return [...groupKeys].flatMap((groupKey) => {
    const some = groupsOfWays.map((groups) => groups.get(groupKey) ?? []);
    const [first = [], ...others] = some.map((batches) => batches.map(({ end }) => end));
    const everyone = others.map((ends) => new Set(ends));
    const cuts = first.filter((end) => everyone.every((ends) => ends.has(end)));
    const last = Math.max(0, ...some.map((batches) => batches.at(-1)?.end ?? 0));
    // Ways that do not end together, as no two should, still show all they have.
    if (cuts.at(-1) !== last) cuts.push(last);
    return cuts.map((end, index) => {
      const start = cuts[index - 1] ?? 0;
      const within = (batch: Placed<Item>) => batch.end > start && batch.end <= end;
      return {
        groupKey,
        firstRow: start,
        rows: end - start,
        batches: some.map((batches) => batches.filter(within).map(({ item }) => item)),
      };
    });
  });
}
