import type * as z from 'zod';
import type { Run } from '../shared/contract.ts';
import { LedgerError, type ObjectNotFound } from '../shared/errors.ts';
import { jsonLines, parseJson } from '../shared/json-lines.ts';
import { LEVELS_PART, partsKey, receiptKey, stagedTableKey, stagedTablesPrefix } from '../shared/object-keys.ts';
import type { ObjectStore } from '../shared/ports.ts';
import { readAhead } from '../shared/read-ahead.ts';
import { type LevelsReceipt, levelsReceiptSchema, type Receipt, receiptSchema } from '../shared/receipt.ts';

/** Name of the error with which every store says that there is no such object. */
const OBJECT_NOT_FOUND: ObjectNotFound['name'] = 'ObjectNotFound';

export const READS_IN_FLIGHT = 32;

export interface Receipts {
  parts: Receipt[];
  /** null where the run is not rolled up. */
  levels: LevelsReceipt | null;
}

/**
 * The receipts of all parts that were to be written, in their order.
 * @throws LedgerError: the list of parts or a receipt is missing or broken, a part is listed twice, or a table that a receipt names is not there.
 */
export async function readReceipts(run: Run, work: ObjectStore): Promise<Receipts> {
  const names = await partNames(run.runId, work);
  const ofParts = [...names].filter((part) => part !== LEVELS_PART);
  const parts: Receipt[] = [];
  const read = (part: string) => readReceipt(run.runId, part, receiptSchema, work);
  for await (const receipt of readAhead(ofParts, READS_IN_FLIGHT, read)) parts.push(receipt);
  const levels = names.has(LEVELS_PART) ? await readReceipt(run.runId, LEVELS_PART, levelsReceiptSchema, work) : null;
  await requireTables(run.runId, levels ? [...parts, levels] : parts, work);
  return { parts, levels };
}

async function partNames(runId: string, work: ObjectStore): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  const broken = () => new LedgerError('The list of parts is missing or broken', { code: 'parts_broken' });
  try {
    for await (const { part } of jsonLines<{ part?: unknown }>(work.stream(partsKey(runId)))) {
      if (typeof part !== 'string') throw broken();
      if (names.has(part)) throw new LedgerError(`Part ${part} is listed twice`, { code: 'rows_missing_or_doubled' });
      names.add(part);
    }
  } catch (error) {
    if (error instanceof Error && (error.name === OBJECT_NOT_FOUND || error instanceof SyntaxError)) throw broken();
    throw error;
  }
  return names;
}

async function readReceipt<Kind extends { part: string }>(
  runId: string,
  part: string,
  schema: z.ZodType<Kind>,
  work: ObjectStore,
): Promise<Kind> {
  const bytes = await work.get(receiptKey(runId, part));
  if (!bytes) throw new LedgerError(`Part ${part} has no receipt`, { code: 'receipt_missing' });
  const receipt = schema.safeParse(jsonOrUndefined(bytes)).data;
  if (receipt?.part !== part) throw new LedgerError(`The receipt of part ${part} is broken`, { code: 'receipt_broken' });
  return receipt;
}

function jsonOrUndefined(bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes);
  } catch {
    return undefined;
  }
}

async function requireTables(runId: string, receipts: readonly Pick<Receipt, 'part' | 'tables'>[], work: ObjectStore): Promise<void> {
  const stored = new Set<string>();
  for await (const { key } of work.list(stagedTablesPrefix(runId))) stored.add(key);
  for (const { part, tables } of receipts) {
    const missing = tables.find((table) => !stored.has(stagedTableKey(runId, table, part)));
    if (missing !== undefined) throw new LedgerError(`Part ${part} has a receipt and no ${missing}`, { code: 'table_missing' });
  }
}
