import pLimit from 'p-limit';
import type { Run } from '../shared/contract.ts';
import { outcomePrefix } from '../shared/object-keys.ts';
import { type Payment, readOutcomeAt } from '../shared/outcome.ts';
import type { ObjectStore } from '../shared/ports.ts';

const READS_IN_FLIGHT = 64;
/** Outcomes read at most: a million take a function longer than it may live. */
const MAX_OUTCOMES = 100_000;

/** What a run has paid by its outcomes, where there are no receipts to say it. The cost is null, unknown, where there are too many to read. */
export async function paymentsOf(run: Run, work: ObjectStore) {
  const keys: string[] = [];
  const sums = { calls: 0, callsThisAttempt: 0, inputTokens: 0, outputTokens: 0, costUsd: 0 as number | null };
  for await (const { key } of work.list(outcomePrefix(run.runId, 0))) {
    if (keys.push(key) > MAX_OUTCOMES) return { ...sums, costUsd: null };
  }
  const add = (paid: Payment) => {
    sums.calls += paid.calls;
    if (paid.attempt === run.attempt) sums.callsThisAttempt += paid.calls;
    sums.inputTokens += paid.inputTokens;
    sums.outputTokens += paid.outputTokens;
    sums.costUsd = sums.costUsd === null || paid.costUsd === null ? null : sums.costUsd + paid.costUsd;
  };
  const limit = pLimit(READS_IN_FLIGHT);
  await Promise.all(
    keys.map((key) =>
      limit(async () => {
        const outcome = await readOutcomeAt(work, key);
        if (outcome) add(outcome.paid);
      }),
    ),
  );
  return sums;
}
