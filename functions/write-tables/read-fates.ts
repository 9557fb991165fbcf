import pLimit from 'p-limit';
import type { Batch, Run } from '../shared/contract.ts';
import { readOutcome } from '../shared/outcome.ts';
import type { ObjectStore } from '../shared/ports.ts';
import { type BatchFate, fateOf } from './batch-fate.ts';

/** Outcomes read at once. */
export const READS_IN_FLIGHT = 64;

/** What became of a batch. */
export const readFate = async (batch: Batch, run: Run, stopReason: string | null, work: ObjectStore): Promise<BatchFate> =>
  fateOf(batch, await readOutcome(work, run.runId, batch.level, batch.batchId), run, stopReason);

/** What became of each of the batches, in their order. */
export async function readFates(batches: readonly Batch[], run: Run, stopReason: string | null, work: ObjectStore): Promise<BatchFate[]> {
  const limit = pLimit(READS_IN_FLIGHT);
  return Promise.all(batches.map((batch) => limit(() => readFate(batch, run, stopReason, work))));
}
