import { type Run, writeTablesOutput } from '../../../functions/shared/contract.ts';
import { outcomeKey } from '../../../functions/shared/object-keys.ts';
import type { Outcome, Payment } from '../../../functions/shared/outcome.ts';
import { writeTables } from '../../../functions/write-tables/write-tables.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { ACCEPTED_AT, planSample, RUN_ID, type SampleRecord, sampleRun } from '../../fakes/sample-run.ts';

export const PART = '000000';
export const run = sampleRun({ settings: { batchRows: 2 } });

/** One payment of attempt 1. */
export const paid = (changes: Partial<Payment> = {}): Payment[] => [
  { answerId: 'one', attempt: 1, calls: 1, inputTokens: 1_000, outputTokens: 100, costUsd: 0.00015, ...changes },
];

/** The outcome of a batch that was summarized. */
export const ok = (batchId: number, changes: Partial<Outcome> = {}): Outcome => ({
  ...{
    batchId,
    level: 0,
    attempt: 1,
    status: 'ok',
    error: null,
    tries: 1,
    payments: paid(),
    failedRows: [],
    rowsFailed: 0,
    fromCache: false,
    promptVersion: '1',
    contentKey: 'content',
  },
  answer: {
    ...{ text: `summary ${batchId}`, finishReason: 'stop', model: 'gpt-6-luna-2026-10-01', serviceTier: 'default' },
    ...{ latencyMs: 900, createdAt: ACCEPTED_AT },
  },
  ...changes,
});

export interface Case {
  records: readonly SampleRecord[];
  outcomes: readonly Outcome[];
  stopReason?: string | null;
  of?: Run;
}

/** A planned run with these outcomes of its batches; nothing of a part is written. */
export async function prepare({ records, outcomes, of = run }: Case): Promise<MemoryStore> {
  const work = new MemoryStore('work');
  await planSample(work, of, records);
  for (const outcome of outcomes) work.seed(outcomeKey(RUN_ID, 0, outcome.batchId), JSON.stringify(outcome));
  work.operations.length = 0;
  return work;
}

/** Writes the part as the handler would. @returns what leaves it. */
export const write = async (work: MemoryStore, { stopReason = null, of = run }: Partial<Case> = {}) =>
  writeTablesOutput.parse(await writeTables({ run: of, part: PART, stopReason }, { work }));

/** Three batches of two, two and one of the five rows; two are rejected. */
export const records: SampleRecord[] = ['a', { reason: 'empty_text' }, 'b', 'c', 'd', { reason: 'too_few_fields' }, 'e'];
