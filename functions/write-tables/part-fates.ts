import { type Batch, batchSchema, type Run } from '../shared/contract.ts';
import { InvalidBatchError } from '../shared/errors.ts';
import { jsonLines } from '../shared/json-lines.ts';
import { partKey, partManifestKey } from '../shared/object-keys.ts';
import type { ObjectStore } from '../shared/ports.ts';
import type { BatchFate } from './batch-fate.ts';
import { readFates } from './read-fates.ts';

/** What became of the batches of a part, in their order. @throws InvalidBatchError: its manifest lists others. */
export async function fatesOfPart(run: Run, part: number, stopReason: string | null, work: ObjectStore): Promise<BatchFate[]> {
  const batches: Batch[] = [];
  for await (const line of jsonLines(work.stream(partManifestKey(run.runId, part)))) batches.push(batchSchema.parse(line));
  const firstBatchId = batches[0]?.batchId ?? 0;
  const isOfPart = ({ batchId, level, partKey: key }: Batch, index: number) =>
    batchId === firstBatchId + index && level === 0 && key === partKey(run.runId, part);
  if (!batches.every(isOfPart)) throw notThose(part);
  return readFates(batches, run, stopReason, work);
}

export const notThose = (part: number) =>
  new InvalidBatchError(`The rows of part ${part} are not those of its manifest`, { code: 'staged_rows_differ' });
