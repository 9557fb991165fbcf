import {
  ConfigError,
  errorCodeOf,
  ModelAccessError,
  ModelQuotaExhaustedError,
  ModelThrottledError,
  ModelUnavailableError,
  PipelineError,
} from '../shared/errors.ts';
import { isLastWord, readOutcome, writeOutcome } from '../shared/outcome.ts';
import { AttemptHalted, BatchCalls, NoMoreCalls } from './batch-calls.ts';
import { readRows } from './batch-lines.ts';
import { type BatchSummary, withoutSummary } from './batch-summary.ts';
import { RateWait } from './rate-slot.ts';
import type { BatchResult, BatchTask, SummarizeBatchPorts } from './summarize-batch.ts';
import { summarizeEachRow } from './summarize-each-row.ts';
import { summarizeFold } from './summarize-fold.ts';
import { summarizeRows } from './summarize-rows.ts';

const settled: BatchResult = { kind: 'settled' };

const reasonOf = (trouble: string, { code }: PipelineError) => (code === undefined ? trouble : `${trouble}: ${code}`);

/**
 * One batch, from its rows or the summaries beneath it to its outcome. An attempt that is halted leaves the batch without an outcome, to be taken up by the next
 * attempt, unless answers were paid for: they must stand somewhere.
 */
export async function summarizeOne(task: BatchTask, ports: SummarizeBatchPorts, signal?: AbortSignal): Promise<BatchResult> {
  const { run, batch, tries, failure } = task;
  const standing = await readOutcome(ports.work, run.runId, batch.level, batch.batchId);
  if (standing && isLastWord(standing, run)) return settled;
  const calls = new BatchCalls(task, ports, standing?.payments ?? [], signal);

  const write = async ({ isForeign, ...result }: BatchSummary) => {
    const { batchId, level } = batch;
    const fromCache = isForeign && calls.payments.length === 0;
    const adopted = new Set([...(standing?.adoptedKeys ?? []), ...calls.adoptedKeys]);
    const adoptedKeys = [...adopted].filter((key) => key !== result.contentKey);
    await writeOutcome(ports.work, run.runId, {
      batchId,
      level,
      attempt: run.attempt,
      tries,
      payments: calls.payments,
      fromCache,
      ...(adoptedKeys.length > 0 && { adoptedKeys }),
      ...result,
    });
    // Whether an attempt works shows in its first batches; folds without anything to fold say nothing of the model.
    if (level === 0) await ports.breaker.report(run, result.status !== 'failed');
    return settled;
  };
  const fail = (code: string, message: string) => write(withoutSummary(batch.rows, { code, message }));
  const giveUp = () => fail(errorCodeOf(failure ?? ''), `No answer after ${tries} tries`);
  const halt = async (stopReason: string) => {
    await ports.control.halt(run.runId, run.attempt, stopReason);
    ports.log.warn('run halted', { stopReason });
    return calls.payments.length > 0 ? fail('halted', `The run was halted before this batch had its summary: ${stopReason}`) : settled;
  };

  try {
    if (batch.level > 0) return await write(await summarizeFold(batch, calls, run, ports.work, standing, signal));
    const rows = await readRows(batch, ports.work, signal);
    if (run.settings.granularity === 'row') return await write(await summarizeEachRow(rows, calls, run, ports.log));
    return await write(await summarizeRows(rows, calls, run));
  } catch (error) {
    if (error instanceof NoMoreCalls) return giveUp();
    // The last word on a batch that retries did not cure: it must leave an outcome, whatever else is broken.
    if (failure !== null) return giveUp();
    if (error instanceof RateWait) return { kind: 'wait', seconds: error.seconds };
    if (error instanceof AttemptHalted) return halt(error.stopReason);
    if (!(error instanceof PipelineError) || error instanceof ModelUnavailableError) throw error;
    if (error instanceof ModelThrottledError) return { kind: 'wait', seconds: Math.max(1, Math.ceil(error.retryAfterSeconds)) };
    if (error instanceof ConfigError) return halt(reasonOf('configuration', error));
    if (error instanceof ModelQuotaExhaustedError) return halt(reasonOf('quota_exhausted', error));
    if (error instanceof ModelAccessError) return halt(reasonOf('model_access', error));
    return fail(error.code ?? errorCodeOf(error.name), error.message);
  }
}
