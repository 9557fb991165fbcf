import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { ConfigError } from '../functions/shared/errors.ts';
import { DIGEST_FOLDER, tablePrefix } from '../functions/shared/object-keys.ts';
import type { ObjectStore } from '../functions/shared/ports.ts';
import type { Settings } from '../functions/shared/settings.ts';
import { DATE_PARTITION } from '../functions/shared/tables.ts';
import { namedQueries } from '../infra/queries.ts';
import { directoryStore } from './directory-store.ts';
import { query } from './query.ts';

const COPIES_IN_FLIGHT = 32;
const LATEST_ROOTS = 'latest_roots';

/** The summary of all of an upload, of its newest run that has one. */
export interface DatasetRoot {
  source_key: string;
  run_id: string;
  /** Rows that the summary stands for. */
  rows: number;
  summary: string;
}

export interface DatasetRoots {
  /** In the order of their keys. */
  roots: DatasetRoot[];
  /** Settings of the newest of their runs, null where there is none. */
  newestSettings: Settings | null;
}

/**
 * The latest roots of a dataset's uploads, digests left out.
 * @param out folder whose `results` holds the table `runs`.
 * @param since YYYY-MM-DD: uploads whose latest run was accepted before are left out.
 */
export async function rootsOf(dataset: string, since: string | null, out: string): Promise<DatasetRoots> {
  const { sql } = namedQueries.find(({ name }) => name === LATEST_ROOTS)!;
  const { rows } = await query(
    out,
    `SELECT l.source_key, l.run_id, l.rows_summarized AS "rows", l.summary, u.settings
     FROM (${sql}) l JOIN runs u ON u.run_id = l.run_id AND u.dt = l.dt
     WHERE l.dataset = ? AND l.dt >= ? AND l.summary IS NOT NULL AND NOT starts_with(l.source_key, ?)
     ORDER BY u.started_at DESC, l.source_key`,
    [dataset, since ?? '', `${dataset}/${DIGEST_FOLDER}/`],
  );
  const newestSettings = rows[0] ? (JSON.parse(String(rows[0].settings)) as Settings) : null;
  const roots = rows
    .map(({ source_key, run_id, rows: count, summary }) => ({
      ...{ source_key: String(source_key), run_id: String(run_id), rows: Number(count), summary: String(summary) },
    }))
    .sort((one, other) => (one.source_key < other.source_key ? -1 : 1));
  return { roots, newestSettings };
}

/** The same of a deployed stack: the files of its table `runs` are small, and are copied here to be asked. */
export async function rootsInStack(dataset: string, since: string | null, results: ObjectStore): Promise<DatasetRoots> {
  const out = mkdtempSync(join(tmpdir(), 'hundredfold-digest-'));
  try {
    const local = directoryStore(join(out, 'results'), 'results');
    const limit = pLimit(COPIES_IN_FLIGHT);
    const copies: Promise<void>[] = [];
    const firstPartition = `${tablePrefix('runs')}${DATE_PARTITION}=${since ?? ''}`;
    for await (const { key } of results.list(tablePrefix('runs'))) {
      if (key >= firstPartition) copies.push(limit(() => local.copy(results, key, key)));
    }
    await Promise.all(copies);
    return await rootsOf(dataset, since, out);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** @throws ConfigError: there is nothing to fold. */
export function requireRoots({ roots }: DatasetRoots, dataset: string, since: string | null, words: string): void {
  if (roots.length > 0) return;
  const period = since === null ? '' : ` since ${since}`;
  throw new ConfigError(
    `No upload of dataset "${dataset}" has a summary of all of it${period} in ${words}; the query ${LATEST_ROOTS} shows which have one.`,
    { code: 'no_roots' },
  );
}

/** The digest's upload: a line for each root. The same roots give the same bytes. */
export const digestLines = (roots: readonly DatasetRoot[]): string => roots.map((root) => `${JSON.stringify(root)}\n`).join('');

/** How a digest's upload is read, in settings. */
export const digestSettings = { textColumn: 'summary', idColumn: 'source_key', weightColumn: 'rows' } as const satisfies Partial<Settings>;
