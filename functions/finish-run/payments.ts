import pLimit from 'p-limit';
import type { Run } from '../shared/contract.ts';
import { addPayments, noPayments, outcomeKeys, type PaymentSums, readOutcomeAt } from '../shared/outcome.ts';
import type { ObjectStore } from '../shared/ports.ts';

export const READS_IN_FLIGHT = 64;
/** Outcomes read at most: a million take a function longer than it may live. */
export const MAX_OUTCOMES = 100_000;

/** What a run has paid by its outcomes, where there are no receipts to say it. The cost is null, unknown, where there are too many to read. */
export async function paymentsOf(run: Run, work: ObjectStore): Promise<PaymentSums> {
  const keys: string[] = [];
  for await (const key of outcomeKeys(work, run.runId)) {
    if (keys.push(key) > MAX_OUTCOMES) return { ...noPayments(), costUsd: null };
  }
  const limit = pLimit(READS_IN_FLIGHT);
  const outcomes = await Promise.all(keys.map((key) => limit(() => readOutcomeAt(work, key))));
  return outcomes.reduce((sums, outcome) => addPayments(sums, outcome?.payments ?? []), noPayments());
}
