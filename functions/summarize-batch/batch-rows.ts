import type { Batch, StagedRow } from '../shared/contract.ts';
import { InvalidBatchError } from '../shared/errors.ts';
import type { ObjectStore } from '../shared/ports.ts';

/**
 * The rows of a batch, by one ranged read.
 * @throws InvalidBatchError: the bytes are not the rows that the manifest line promises.
 */
export async function readRows(batch: Batch, work: ObjectStore, signal?: AbortSignal): Promise<StagedRow[]> {
  const bytes = await work.get(batch.partKey, { range: { start: batch.start, end: batch.end }, signal });
  if (bytes?.byteLength !== batch.end - batch.start) throw invalid(batch, 'staged_bytes_missing');
  let rows: StagedRow[];
  try {
    rows = JSON.parse(`[${Buffer.from(bytes).toString('utf8').trimEnd().replaceAll('\n', ',')}]`) as StagedRow[];
  } catch (cause) {
    throw invalid(batch, 'staged_bytes_broken', cause);
  }
  if (rows.length !== batch.rows || rows[0]?.rowNumber !== batch.firstRow) throw invalid(batch, 'staged_rows_differ');
  return rows;
}

const invalid = (batch: Batch, code: string, cause?: unknown) =>
  new InvalidBatchError(`Batch ${batch.batchId} is not what the manifest says (${batch.partKey}, bytes ${batch.start} to ${batch.end})`, {
    code,
    cause,
  });
