import { type Batch, batchSchema, type StagedRow } from '../shared/contract.ts';
import { InvalidBatchError } from '../shared/errors.ts';
import type { ObjectStore } from '../shared/ports.ts';

/**
 * What the bytes of a batch hold, by one ranged read: rows, or above level 0 the batches beneath.
 * @throws InvalidBatchError: the bytes are not there, or are not JSON lines.
 */
async function readLines(batch: Batch, work: ObjectStore, signal?: AbortSignal): Promise<unknown[]> {
  const bytes = await work.get(batch.partKey, { range: { start: batch.start, end: batch.end }, signal });
  if (bytes?.byteLength !== batch.end - batch.start) throw invalid(batch, 'staged_bytes_missing');
  try {
    return JSON.parse(`[${Buffer.from(bytes).toString('utf8').trimEnd().replaceAll('\n', ',')}]`) as unknown[];
  } catch (cause) {
    throw invalid(batch, 'staged_bytes_broken', cause);
  }
}

/**
 * The rows of a batch of level 0.
 * @throws InvalidBatchError: the bytes are not the rows that the manifest line promises.
 */
export async function readRows(batch: Batch, work: ObjectStore, signal?: AbortSignal): Promise<StagedRow[]> {
  const rows = (await readLines(batch, work, signal)) as StagedRow[];
  if (rows.length !== batch.rows || rows[0]?.rowNumber !== batch.firstRow) throw invalid(batch, 'staged_rows_differ');
  return rows;
}

const foldedSchema = batchSchema.array();

/**
 * The batches whose summaries a fold takes in.
 * @throws InvalidBatchError: the bytes are not the batches that the manifest line promises.
 */
export async function readFolded(fold: Batch, work: ObjectStore, signal?: AbortSignal): Promise<Batch[]> {
  const { data: batches = [] } = foldedSchema.safeParse(await readLines(fold, work, signal));
  const rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
  const isBeneath = batches.every(({ level, firstRow }) => level < fold.level && firstRow >= fold.firstRow);
  if (rows !== fold.rows || !isBeneath) throw invalid(fold, 'folded_batches_differ');
  return batches;
}

const invalid = (batch: Batch, code: string, cause?: unknown) =>
  new InvalidBatchError(
    `Batch ${batch.batchId} of level ${batch.level} is not what the manifest says (${batch.partKey}, bytes ${batch.start} to ${batch.end})`,
    { code, cause },
  );
