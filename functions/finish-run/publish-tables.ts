import pLimit from 'p-limit';
import { runTablePrefix, stagedTableKey, tableKey } from '../shared/object-keys.ts';
import type { ObjectStore } from '../shared/ports.ts';
import type { Receipt } from '../shared/receipt.ts';
import { tableNames } from '../shared/table-names.ts';

export const COPIES_IN_FLIGHT = 32;

/** Copies the run's files under `tables/` and removes those of an earlier attempt that it no longer has. The `runs` row is not among them. */
export async function publishTables(
  runId: string,
  date: string,
  receipts: readonly Pick<Receipt, 'part' | 'tables'>[],
  { work, results }: { work: ObjectStore; results: ObjectStore },
): Promise<void> {
  const copies = receipts.flatMap(({ part, tables }) =>
    tables.map((table) => ({ from: stagedTableKey(runId, table, part), to: tableKey(table, date, runId, part) })),
  );
  const limit = pLimit(COPIES_IN_FLIGHT);
  await Promise.all(copies.map(({ from, to }) => limit(() => results.copy(work, from, to))));

  const current = new Set(copies.map(({ to }) => to));
  const outdated: string[] = [];
  for (const table of tableNames) {
    if (table === 'runs') continue;
    const prefix = runTablePrefix(table, date, runId);
    // A run of a file that is named like this run shares the prefix; names of parts have no hyphen.
    const isOfRun = (key: string) => !key.slice(prefix.length).includes('-');
    for await (const { key } of results.list(prefix)) if (isOfRun(key) && !current.has(key)) outdated.push(key);
  }
  await results.delete(outdated);
}
