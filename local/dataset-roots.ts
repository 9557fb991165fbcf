import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { ConfigError } from '../functions/shared/errors.ts';
import { DIGEST_FOLDER, tablePrefix } from '../functions/shared/object-keys.ts';
import { readOutcomeAt } from '../functions/shared/outcome.ts';
import type { ObjectStore } from '../functions/shared/ports.ts';
import { type Settings, settingsOfEveryDigest } from '../functions/shared/settings.ts';
import { DATE_PARTITION } from '../functions/shared/table-names.ts';
import { namedQueries } from '../infra/queries.ts';
import { directoryStore } from './directory-store.ts';
import { query } from './query.ts';

const COPIES_IN_FLIGHT = 32;
const READS_IN_FLIGHT = 32;
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
 * @param work where the runs keep what they did, as long as it is kept.
 * @param since YYYY-MM-DD: uploads whose latest run was accepted before are left out.
 */
export async function rootsOf(dataset: string, since: string | null, out: string, work: ObjectStore): Promise<DatasetRoots> {
  const { sql } = namedQueries.find(({ name }) => name === LATEST_ROOTS)!;
  const { rows } = await query(
    out,
    `SELECT l.source_key, l.run_id, l.rows_summarized, u.rows_failed, l.summary, l.summary_key, u.settings
     FROM (${sql}) l JOIN runs u ON u.run_id = l.run_id AND u.dt = l.dt
     WHERE l.dataset = ? AND l.dt >= ? AND l.summary IS NOT NULL AND NOT starts_with(l.source_key, ?)
     ORDER BY u.started_at DESC, l.source_key`,
    [dataset, since ?? '', `${dataset}/${DIGEST_FOLDER}/`],
  );
  const newestSettings = rows[0] ? (JSON.parse(String(rows[0].settings)) as Settings) : null;
  const limit = pLimit(READS_IN_FLIGHT);
  const roots = await Promise.all(
    rows.map((row) =>
      limit(async (): Promise<DatasetRoot> => {
        const [summarized, failed] = [Number(row.rows_summarized), Number(row.rows_failed)];
        const outcome = row.summary_key === null ? undefined : await readOutcomeAt(work, String(row.summary_key));
        // A root may lack rows that have a summary, and a row may stand for many; where its outcome has expired nobody knows.
        const count = outcome ? (outcome.weight ?? summarized + failed - outcome.rowsFailed) : summarized;
        return { source_key: String(row.source_key), run_id: String(row.run_id), rows: count, summary: String(row.summary) };
      }),
    ),
  );
  roots.sort((one, other) => (one.source_key < other.source_key ? -1 : 1));
  return { roots, newestSettings };
}

/** The same of a deployed stack: the files of its table `runs` are small, and are copied here to be asked. */
export async function rootsInStack(
  dataset: string,
  since: string | null,
  { results, work }: { results: ObjectStore; work: ObjectStore },
): Promise<DatasetRoots> {
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
    return await rootsOf(dataset, since, out, work);
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

/** Longer than any summary. */
const MAX_SUMMARY_CHARACTERS = 10_000_000;

/** How a digest's upload is read and folded, whatever the dataset's settings say of its other uploads. */
export const digestSettings = {
  ...{ textColumn: 'summary', idColumn: 'source_key', weightColumn: 'rows' },
  ...settingsOfEveryDigest,
  ...{ rollUp: true, maxRowCharacters: MAX_SUMMARY_CHARACTERS },
} as const satisfies Partial<Settings>;
