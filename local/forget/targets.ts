import pLimit from 'p-limit';
import * as z from 'zod';
import { readParts } from '../../functions/shared/folder-parts.ts';
import { parseJson } from '../../functions/shared/json-lines.ts';
import {
  contentPrefix,
  datasetOf,
  forgettingKey,
  QUERY_RESULTS_PREFIX,
  reportPrefix,
  runPrefix,
  runTablePrefix,
  SUCCESS_FILE,
  tablePrefix,
} from '../../functions/shared/object-keys.ts';
import { outcomeKeys } from '../../functions/shared/outcome.ts';
import type { ObjectStore, ObjectVersion, ObjectVersions } from '../../functions/shared/ports.ts';
import { DATE_PARTITION, type TableName, tableNames } from '../../functions/shared/table-names.ts';
import { findContent } from '../../functions/summarize-batch/content.ts';
import type { RunPlace } from '../run-place.ts';
import type { KnownRun } from './known-runs.ts';
import { batchName, type RowTraces } from './row-traces.ts';

const READS_IN_FLIGHT = 32;

/** Versions to be removed: those of a prefix that are meant. */
export interface Target {
  /** What they are, in words for people. */
  what: string;
  versions: ObjectVersions;
  prefix: string;
  isMeant(version: ObjectVersion): boolean;
}

type Stores = Pick<RunPlace, 'results' | 'versions'> & { work: ObjectStore };

/** Everything that one run has in one table, in each partition where it may be. */
async function tableTargets(table: TableName, { runId, dates }: KnownRun, { results, versions }: Stores): Promise<Target[]> {
  const partitions = dates.length > 0 ? dates : await allDates(table, results);
  return partitions.map((date) => {
    const prefix = runTablePrefix(table, date, runId);
    // A run of a file that is named like this run shares the prefix; names of parts have no hyphen.
    return { what: 'table files', versions: versions.results, prefix, isMeant: ({ key }) => !key.slice(prefix.length).includes('-') };
  });
}

async function allDates(table: TableName, results: ObjectStore): Promise<string[]> {
  const dates: string[] = [];
  const prefix = `${tablePrefix(table)}${DATE_PARTITION}=`;
  for await (const folder of results.folders(prefix)) dates.push(folder.slice(prefix.length, -1));
  return dates;
}

/** The tables of a run; its row of `runs` first, so that nobody sees half of the others. */
export async function resultTargets(run: KnownRun, stores: Stores): Promise<Target[]> {
  const targets: Target[] = [];
  for (const table of ['runs', ...tableNames.filter((name) => name !== 'runs')] as const)
    targets.push(...(await tableTargets(table, run, stores)));
  return [...targets, ...reportTargets(run, stores)];
}

export const reportTargets = ({ runId }: KnownRun, { versions }: Stores): Target[] => [
  { what: 'reports', versions: versions.results, prefix: reportPrefix(runId), isMeant: () => true },
];

/** Versions of a run's table files that were replaced, where the bucket keeps such. */
export async function staleTargets(run: KnownRun, stores: Stores): Promise<Target[]> {
  const targets: Target[] = [];
  for (const table of tableNames) {
    for (const target of await tableTargets(table, run, stores)) {
      const isMeant = (version: ObjectVersion) => target.isMeant(version) && !version.isLatest;
      targets.push({ ...target, what: 'older versions of table files', isMeant });
    }
  }
  return targets;
}

/** The very version of the upload that the run reads: of a folder, those of its parts. */
export async function uploadTargets({ runId, source }: KnownRun, { versions, work }: Stores): Promise<Target[]> {
  if (!source) return [];
  const nameOf = (key: string, versionId: string) => JSON.stringify([key, versionId]);
  const isFolder = source.key.endsWith('/');
  const parts = isFolder ? ((await readParts(work, runId)) ?? []) : [];
  const meant = new Set([
    nameOf(isFolder ? source.key + SUCCESS_FILE : source.key, source.versionId),
    ...parts.map(({ key, versionId }) => nameOf(source.key + key, versionId)),
  ]);
  const isMeant = ({ key, versionId }: ObjectVersion) => meant.has(nameOf(key, versionId));
  return [{ what: 'input versions', versions: versions.input, prefix: source.key, isMeant }];
}

/**
 * The paid answers that hold the words of a run: those that it paid for, and those that it adopted.
 * @param traces of a row: only the answers to what it went into.
 */
export async function contentTargets(run: KnownRun, stores: Stores, traces?: RowTraces): Promise<Target[]> {
  if (run.dataset === null) return [];
  const prefix = contentPrefix(run.dataset);
  const isOfBatch = (level: number, batchId: number) =>
    traces === undefined || traces.isStagedOnly || traces.batches.has(batchName(level, batchId));
  const meant = await contentKeysOf(run.runId, prefix, stores.work, isOfBatch);
  return [{ what: 'paid answers', versions: stores.versions.work, prefix, isMeant: ({ key }) => meant.has(key) }];
}

/** What outcomes of any version of the program say of the answers that they stand for. */
const outcomeSchema = z.looseObject({
  level: z.number(),
  batchId: z.number(),
  contentKey: z.string().nullable().optional(),
  adoptedKeys: z.array(z.string()).optional(),
  mergeKey: z.string().optional(),
});

/** Keys of the answers to these batches of a run. */
export async function contentKeysOf(
  runId: string,
  prefix: string,
  work: ObjectStore,
  isOfBatch: (level: number, batchId: number) => boolean,
): Promise<Set<string>> {
  const keys = new Set<string>();
  const limit = pLimit(READS_IN_FLIGHT);
  const readings: Promise<void>[] = [];
  for await (const key of outcomeKeys(work, runId)) {
    const read = async () => {
      const bytes = await work.get(key);
      const outcome = bytes && outcomeSchema.parse(parseJson(bytes));
      if (!outcome || !isOfBatch(outcome.level, outcome.batchId)) return;
      for (const content of [outcome.contentKey, outcome.mergeKey, ...(outcome.adoptedKeys ?? [])]) if (content) keys.add(content);
    };
    readings.push(limit(read));
  }
  await Promise.all(readings);
  // Pieces of a batch that was split, refusals, and answers whose outcome was never written are known by who paid for them alone.
  const others: Promise<void>[] = [];
  for await (const { key } of work.list(prefix)) {
    const read = async () => {
      const paidBy = (await findContent(work, key))?.paidBy;
      if (paidBy?.runId === runId && isOfBatch(paidBy.level, paidBy.batchId)) keys.add(key);
    };
    if (!keys.has(key)) others.push(limit(read));
  }
  await Promise.all(others);
  return keys;
}

/** What the steps left of these runs; last the marks of their forgetting, that of the first run the very last. */
export function workTargets(runs: readonly KnownRun[], { versions }: Stores): Target[] {
  const what = 'work objects';
  const target = (runId: string, isMeant: Target['isMeant']) => ({ what, versions: versions.work, prefix: runPrefix(runId), isMeant });
  return [
    ...runs.map(({ runId }) => target(runId, ({ key }) => key !== forgettingKey(runId))),
    ...runs.toReversed().map(({ runId }) => target(runId, ({ key }) => key === forgettingKey(runId))),
  ];
}

/** All uploads of a dataset, its settings file, its digests and marks of deletions among them; and all of its paid answers. */
export function datasetTargets(dataset: string, { versions }: Stores): { uploads: Target; contents: Target } {
  // Keys without a folder are of the dataset `default`, too.
  const prefix = dataset === datasetOf('') ? '' : `${dataset}/`;
  return {
    uploads: { what: 'input versions', versions: versions.input, prefix, isMeant: ({ key }) => datasetOf(key) === dataset },
    contents: { what: 'paid answers', versions: versions.work, prefix: contentPrefix(dataset), isMeant: () => true },
  };
}

/** What queries in Athena returned, whatever they asked. */
export const queryResultTarget = ({ versions }: Stores): Target => ({
  what: 'query results',
  versions: versions.results,
  prefix: QUERY_RESULTS_PREFIX,
  isMeant: () => true,
});
