import type { WriteTablesInput, WriteTablesOutput } from '../shared/contract.ts';
import { LEVELS_PART, receiptKey } from '../shared/object-keys.ts';
import type { ObjectStore } from '../shared/ports.ts';
import { writeLevels } from './write-levels.ts';
import { writePart } from './write-part.ts';

/**
 * Writes the tables of one part, or of the levels above 0, into the work bucket, then the receipt that proves them. The same rows and outcomes
 * give the same bytes.
 * @throws InvalidBatchError: the staged rows are not those that the manifest counts.
 * @throws LedgerError: a row number, batch or fold is missing or doubled.
 */
export async function writeTables(
  { run, part, stopReason }: WriteTablesInput,
  { work }: { work: ObjectStore },
): Promise<WriteTablesOutput> {
  const receipt = part === LEVELS_PART ? await writeLevels(run, stopReason, work) : await writePart(run, part, stopReason, work);
  await work.put(receiptKey(run.runId, part), JSON.stringify(receipt));
  return { part, receiptKey: receiptKey(run.runId, part) };
}
