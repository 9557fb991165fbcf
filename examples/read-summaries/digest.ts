import { zstdDecompressSync } from 'node:zlib';
import { type AsyncBuffer, parquetReadObjects } from 'hyparquet';
import { LEVELS_PART } from '../../functions/shared/object-keys.ts';
import type { ObjectStore } from '../../functions/shared/ports.ts';
import { eventDetailSchema, type RunEventDetail } from '../../functions/shared/run-event.ts';

export const DIGEST_PREFIX = 'digests/';
/** Summaries that anyone reads on one page; a fold has no more children either. */
const MAX_SHOWN = 100;
/** The file of the levels above 0. */
const LEVELS_FILE = `${LEVELS_PART}.parquet`;

interface Summary {
  run_id: string;
  group_key: string | null;
  level: number;
  batch_id: number;
  parent_level: number | null;
  parent_batch_id: number | null;
  row_count: number;
  rows_failed: number;
  status: string;
  summary: string | null;
}
const columns: (keyof Summary)[] = [
  ...(['run_id', 'group_key', 'level', 'batch_id', 'parent_level', 'parent_batch_id'] as const),
  ...(['row_count', 'rows_failed', 'status', 'summary'] as const),
];

/**
 * Writes the digest of the run that an event tells of. @returns its key.
 * @throws ZodError: it is not the detail of "Run Completed".
 */
export async function writeDigest(detail: unknown, results: ObjectStore): Promise<string> {
  const run = eventDetailSchema('Run Completed').parse(detail);
  const key = `${DIGEST_PREFIX}${run.dataset}/${run.runId}.md`;
  await results.put(key, digestText(run, await readSummaries(run, results)));
  return key;
}

interface Shown {
  root: Summary | undefined;
  /** Right beneath the root; the first of the run where there is no root. */
  beneath: Summary[];
}

/** Reads no more files than it needs: of a large run the one above level 0, and the last part for a summary that was passed up. */
async function readSummaries(run: RunEventDetail, results: ObjectStore): Promise<Shown> {
  const prefix = run.results.prefixes.batch_summaries;
  const levels: AsyncBuffer[] = [];
  const parts: AsyncBuffer[] = [];
  for await (const { key, bytes } of results.list(prefix)) {
    (key === prefix + LEVELS_FILE ? levels : parts).push(fileAt(results, key, bytes));
  }
  const summariesIn = async (file: AsyncBuffer) => (await readRows(file)).filter(({ run_id }) => run_id === run.runId);

  const folds = (await Promise.all(levels.map(summariesIn))).flat();
  const hasRoot = run.summaryKey !== null;
  let root = hasRoot ? folds.find(({ parent_batch_id }) => parent_batch_id === null) : undefined;
  const beneath = root ? folds.filter((fold) => isChild(fold, root)) : [];
  for (const file of hasRoot ? parts.reverse() : parts) {
    if (isAll(beneath, root)) break;
    const batches = await summariesIn(file);
    // An upload of one batch: its summary is the root.
    if (hasRoot && !root) root = batches[0];
    beneath.push(...batches.filter((batch) => !hasRoot || isChild(batch, root)));
  }
  return { root, beneath: beneath.sort(byPlace).slice(0, MAX_SHOWN) };
}

const isChild = ({ parent_level, parent_batch_id }: Summary, root: Summary | undefined) =>
  root !== undefined && parent_level === root.level && parent_batch_id === root.batch_id;

const rowsIn = ({ row_count, rows_failed }: Summary) => row_count - rows_failed;

/** A fold stands for the rows of its children, so the children that add up to it are all there. */
const isAll = (beneath: readonly Summary[], root: Summary | undefined) =>
  root ? beneath.reduce((rows, child) => rows + rowsIn(child), 0) >= rowsIn(root) : beneath.length >= MAX_SHOWN;

/** What was passed up comes from a lower level and from the end of the upload. */
const byPlace = (one: Summary, other: Summary) => other.level - one.level || one.batch_id - other.batch_id;

const fileAt = (results: ObjectStore, key: string, byteLength: number): AsyncBuffer => ({
  byteLength,
  async slice(start, end = byteLength) {
    const bytes = await results.get(key, { range: { start, end } });
    if (!bytes) throw new Error('A file of the run has been removed meanwhile');
    return Uint8Array.from(bytes).buffer;
  },
});

async function readRows(file: AsyncBuffer): Promise<Summary[]> {
  const rows = await parquetReadObjects({ file, columns, compressors: { ZSTD: (bytes) => zstdDecompressSync(bytes) } });
  return rows.map(
    (row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value])) as never,
  );
}

const count = (value: number) => value.toLocaleString('en');
/** Text of a model or a customer, which must not become markup of the page. */
const plain = (text: string) => text.replace(/\s+/g, ' ').replace(/[\\`*_{}[\]<>()#+!|~&-]/g, '\\$&');

function digestText(run: RunEventDetail, { root, beneath }: Shown): string {
  const cost = run.costUsd === null ? 'price unknown' : `$${run.costUsd.toFixed(2)}`;
  const lines = [
    `# ${plain(run.source.key)}`,
    `${count(run.rowsSummarized)} of ${count(run.rowsIn)} rows summarized in ${count(run.batches)} batches, ${count(run.rowsFailed)} failed, ${count(run.rowsRejected)} rejected; ${cost}. Run ${run.runId}, ${run.status}.`,
  ];
  if (root) lines.push(`> ${textOf(root)}`);
  if (beneath.length > 0) lines.push(root ? '## Beneath it' : '## Summaries', beneath.map(lineOf).join('\n'));
  return `${lines.join('\n\n')}\n`;
}

const textOf = ({ summary, status }: Summary) => (summary === null ? `(no summary: ${status})` : plain(summary));
const lineOf = (summary: Summary) => {
  const group = summary.group_key === null ? '' : `${plain(summary.group_key)}, `;
  return `- **${group}${count(summary.row_count)} rows**: ${textOf(summary)}`;
};
