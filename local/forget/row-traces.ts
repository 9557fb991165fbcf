import { zstdDecompressSync } from 'node:zlib';
import { parquetReadObjects } from 'hyparquet';
import { lines } from '../../functions/shared/json-lines.ts';
import { partsPrefix, runTablePrefix } from '../../functions/shared/object-keys.ts';
import type { ObjectStore } from '../../functions/shared/ports.ts';
import type { TableName } from '../../functions/shared/table-names.ts';
import type { KnownRun } from './known-runs.ts';

/** A batch as a text, to be kept in a set: `0/17`. */
export const batchName = (level: unknown, batchId: unknown) => `${level}/${batchId}`;

/** What a row went into in one run. */
export interface RowTraces {
  /** Batches whose summaries may hold its words: its own, and every fold above it. */
  batches: ReadonlySet<string>;
  /** Groups whose summaries may. */
  groups: ReadonlySet<string>;
  /** Whether the summary of all is among them. */
  isInRoot: boolean;
  /** Whether the run has staged it and no table of it is there: all of its batches are meant then. */
  isStagedOnly: boolean;
}

/** Keys of a run's files of one table. */
export async function tableFiles(table: TableName, { runId, dates }: KnownRun, results: ObjectStore): Promise<string[]> {
  const keys: string[] = [];
  for (const date of dates) {
    const prefix = runTablePrefix(table, date, runId);
    for await (const { key } of results.list(prefix)) if (!key.slice(prefix.length).includes('-')) keys.push(key);
  }
  return keys;
}

async function columnsOf(results: ObjectStore, key: string, columns: string[]): Promise<Record<string, unknown>[]> {
  const bytes = await results.get(key);
  if (!bytes) return [];
  const file = Uint8Array.from(bytes).buffer;
  return parquetReadObjects({ file, columns, compressors: { ZSTD: (input) => zstdDecompressSync(input) } });
}

/** @returns undefined where the run has no row of that id. */
export async function tracesOf(
  id: string,
  run: KnownRun,
  { work, results }: { work: ObjectStore; results: ObjectStore },
): Promise<RowTraces | undefined> {
  const files = await tableFiles('row_summaries', run, results);
  const batches = new Set<string>();
  const groups = new Set<string>();
  for (const key of files) {
    for (const row of await columnsOf(results, key, ['id', 'batch_id', 'group_key'])) {
      if (row.id !== id) continue;
      batches.add(batchName(0, row.batch_id));
      if (typeof row.group_key === 'string') groups.add(row.group_key);
    }
  }
  if (batches.size === 0) {
    const isStaged = await isStagedIn(id, run, work);
    return isStaged ? { batches, groups, isInRoot: false, isStagedOnly: true } : undefined;
  }
  const isInRoot = await addAncestors(batches, run, results);
  return { batches, groups, isInRoot, isStagedOnly: false };
}

/** Adds every fold above the batches. @returns whether one of them is the root. */
async function addAncestors(batches: Set<string>, run: KnownRun, results: ObjectStore): Promise<boolean> {
  const parents = new Map<string, string | null>();
  for (const key of await tableFiles('batch_summaries', run, results)) {
    for (const row of await columnsOf(results, key, ['level', 'batch_id', 'parent_level', 'parent_batch_id'])) {
      const parent = row.parent_level === null ? null : batchName(row.parent_level, row.parent_batch_id);
      parents.set(batchName(row.level, row.batch_id), parent);
    }
  }
  let isInRoot = false;
  for (const start of [...batches]) {
    let at = parents.get(start);
    for (; typeof at === 'string' && !batches.has(at); at = parents.get(at)) batches.add(at);
    isInRoot ||= at === null;
  }
  return isInRoot;
}

/** Whether a staged part of the run has a row of that id. */
async function isStagedIn(id: string, { runId }: KnownRun, work: ObjectStore): Promise<boolean> {
  const written = JSON.stringify(id);
  for await (const { key } of work.list(partsPrefix(runId))) {
    if (!/\/\d+\.jsonl$/.test(key)) continue;
    for await (const group of lines(work.stream(key))) {
      for (const line of group) if (line.includes(written) && (JSON.parse(line) as { id?: unknown }).id === id) return true;
    }
  }
  return false;
}
