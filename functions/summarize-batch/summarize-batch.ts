import type { Batch, Run, SummarizeBatchInput, SummarizeBatchOutput } from '../shared/contract.ts';
import { MAX_INLINE_WAIT_SECONDS } from '../shared/limits.ts';
import { logOn } from '../shared/log.ts';
import type { Metrics } from '../shared/metrics.ts';
import type { Clock, Control, Log, ObjectStore, RateLimiter, Summarizer } from '../shared/ports.ts';
import type { Breaker } from './breaker.ts';
import { summarizeOne } from './summarize-one.ts';

export interface SummarizeBatchPorts {
  work: ObjectStore;
  summarizer: Summarizer;
  control: Control;
  rate: RateLimiter;
  breaker: Breaker;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  /**
   * Settles for each request that is being asked, by the key of its answer: who wants the same words waits for them rather than pay, too.
   * @default batches do not wait for each other
   */
  asking?: Map<string, Promise<void>>;
}

/** What became of one batch in one invocation: settled, to be tried again in some seconds, or not to be had this time. */
export type BatchResult = { kind: 'settled' } | { kind: 'wait'; seconds: number } | { kind: 'unavailable'; error: Error };

export interface BatchTask {
  run: Run;
  batch: Batch;
  tries: number;
  /** The batch was sent to wait for the rate limit before. */
  hasWaited: boolean;
  failure: string | null;
}

/**
 * Summarizes the batches concurrently. Each ends with an outcome in the work bucket, except where the run is halted.
 * @returns the batches for which the endpoint asked for a longer wait.
 * @throws ModelUnavailableError, or what the store threw: some batch found no answer; trying the state again repeats only what is missing.
 */
export async function summarizeBatch(
  { run, batches, retryCount, hasWaited, failure }: SummarizeBatchInput,
  ports: SummarizeBatchPorts,
  signal?: AbortSignal,
): Promise<SummarizeBatchOutput> {
  const results = await Promise.all(
    batches.map((batch) => settle({ run, batch, tries: retryCount + 1, hasWaited, failure }, ports, signal)),
  );
  await ports.rate.flush();
  const waits = results.map((result) => (result.kind === 'wait' ? result.seconds : 0));
  const waitSeconds = Math.max(...waits);
  // While some batches wait for their turn, those that found no answer wait with them: tries are counted only when nobody waits, or the
  // waiting ones would lose theirs.
  if (waitSeconds === 0) for (const result of results) if (result.kind === 'unavailable') throw result.error;
  if (waitSeconds > 0) ports.log.info('waiting for the rate limit', { waitSeconds, batches: waits.filter((wait) => wait > 0).length });
  return { waitSeconds, remaining: batches.filter((_, index) => results[index]?.kind !== 'settled') };
}

/** A short wait is sat out here, a longer one is left to the workflow; a store that fails counts as unavailable. */
async function settle(task: BatchTask, shared: SummarizeBatchPorts, signal?: AbortSignal): Promise<BatchResult> {
  const ports = { ...shared, log: logOn(shared.log, { batchId: task.batch.batchId }) };
  try {
    for (let waited = 0; ; ) {
      const result = await summarizeOne({ ...task, hasWaited: task.hasWaited || waited > 0 }, ports, signal);
      if (result.kind !== 'wait' || waited + result.seconds > MAX_INLINE_WAIT_SECONDS) return result;
      waited += result.seconds;
      await ports.clock.sleep(result.seconds, signal);
    }
  } catch (error) {
    return { kind: 'unavailable', error: error as Error };
  }
}
