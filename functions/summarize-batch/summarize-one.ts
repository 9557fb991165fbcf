import {
  ConfigError,
  errorCodeOf,
  ModelAccessError,
  ModelQuotaExhaustedError,
  ModelThrottledError,
  ModelUnavailableError,
  PipelineError,
  UnusableSummaryError,
} from '../shared/errors.ts';
import { costUsd } from '../shared/model-catalog.ts';
import { noPayment, type Outcome, type Payment, readOutcome, writeOutcome } from '../shared/outcome.ts';
import type { SpendRequest, SummaryAnswer, SummaryRequest } from '../shared/ports.ts';
import { readRows } from './batch-rows.ts';
import { type Content, contentKeyOf, findContent, keepContent } from './content.ts';
import { inputTokensEstimate, PROMPT_VERSION, rowsRequest } from './prompt.ts';
import type { BatchResult, BatchTask, SummarizeBatchPorts } from './summarize-batch.ts';

const settled: BatchResult = { kind: 'settled' };

/**
 * One batch: an outcome or a paid answer that exists is adopted, else one call is paid for, kept, and recorded.
 * An attempt that is halted leaves the batch without an outcome, to be taken up by the next attempt, unless an answer that is of no use
 * was paid for: its cost must stand somewhere.
 */
export async function summarizeOne(task: BatchTask, ports: SummarizeBatchPorts, signal?: AbortSignal): Promise<BatchResult> {
  const { run, batch } = task;
  const standing = await readOutcome(ports.work, run.runId, batch.level, batch.batchId);
  if (standing && (standing.status === 'ok' || standing.attempt === run.attempt)) return settled;
  const record = new OutcomeRecord(task, ports, standing?.paid ?? noPayment);
  try {
    const rows = await readRows(batch, ports.work, signal);
    const request = rowsRequest(
      rows.map((row) => row.text),
      run.settings,
    );
    const key = contentKeyOf(run.dataset, run.endpoint, request);
    const found = await findContent(ports.work, key);
    if (found) return await record.adopted(found, key);
    if (task.failure) return await givenUp(task.failure, record, task);
    return await pay(request, key, record, task, ports, signal);
  } catch (error) {
    // The last word on a batch that retries did not cure: it must leave an outcome, whatever else is broken.
    if (task.failure) return givenUp(task.failure, record, task);
    if (!(error instanceof PipelineError) || error instanceof ModelUnavailableError) throw error;
    if (error instanceof ModelThrottledError) return { kind: 'wait', seconds: Math.max(1, Math.ceil(error.retryAfterSeconds)) };
    if (error instanceof ConfigError) return halt('configuration', error.code, record, task, ports);
    if (error instanceof ModelQuotaExhaustedError) return halt('quota_exhausted', error.code, record, task, ports);
    if (error instanceof ModelAccessError) return halt('model_access', error.code, record, task, ports);
    return record.failedWith(error);
  }
}

const givenUp = (failure: string, record: OutcomeRecord, { tries }: BatchTask) =>
  record.failed(errorCodeOf(failure), `No answer after ${tries} tries`);

async function halt(
  reason: string,
  code: string | undefined,
  record: OutcomeRecord,
  { run }: BatchTask,
  { control, log }: SummarizeBatchPorts,
): Promise<BatchResult> {
  const stopReason = code ? `${reason}: ${code}` : reason;
  await control.halt(run.runId, run.attempt, stopReason);
  log.warn('run halted', { stopReason });
  return record.unusable ? record.failedWith(record.unusable) : settled;
}

/** Answers that a batch may pay for before an empty or failing one is final. */
const MAX_ANSWERS = 2;

/** Reserves money, calls, keeps the answer, and records it. An empty answer is asked for once more. */
async function pay(
  request: SummaryRequest,
  key: string,
  record: OutcomeRecord,
  task: BatchTask,
  ports: SummarizeBatchPorts,
  signal?: AbortSignal,
): Promise<BatchResult> {
  const { run } = task;
  const price = (usage: { inputTokens: number; outputTokens: number }, tier = request.serviceTier) =>
    costUsd(run.endpoint, request.model, tier, usage);
  const most = price({ inputTokens: inputTokensEstimate(request), outputTokens: request.maxOutputTokens });
  const spend: SpendRequest = { runId: run.runId, attempt: run.attempt, reserveUsd: most ?? 0, capUsd: run.settings.maxCostUsd };

  for (let answers = 1; ; answers++) {
    const decision = await ports.control.reserve(spend);
    if (!decision.granted) return halt(decision.stopReason, undefined, record, task, ports);
    let spentUsd = 0;
    try {
      const answer = await ports.summarizer.summarize(request, { signal });
      const cost = price(answer.usage, answer.serviceTier ?? request.serviceTier);
      spentUsd = cost ?? 0;
      return await record.bought(answer, cost, key);
    } catch (error) {
      if (!(error instanceof UnusableSummaryError)) throw error;
      const cost = price(error.usage);
      spentUsd = cost ?? 0;
      record.addPayment({ calls: 0, usage: error.usage, costUsd: cost });
      record.unusable = error;
      if (error.code !== 'empty' || answers === MAX_ANSWERS) throw error;
    } finally {
      await ports.control.settle(spend, spentUsd);
    }
  }
}

/** Collects what a batch paid, over attempts, and writes its one outcome. */
class OutcomeRecord {
  /** The last answer that cannot serve. */
  unusable: UnusableSummaryError | undefined;
  private readonly task: BatchTask;
  private readonly ports: SummarizeBatchPorts;
  private paid: Payment;

  constructor(task: BatchTask, ports: SummarizeBatchPorts, paidBefore: Payment) {
    this.task = task;
    this.ports = ports;
    this.paid = paidBefore;
  }

  addPayment({
    calls,
    usage,
    costUsd: cost,
    attempt = this.task.run.attempt,
  }: {
    calls: number;
    usage: Content['usage'];
    costUsd: number | null;
    attempt?: number;
  }) {
    this.paid = {
      attempt,
      calls: this.paid.calls + calls,
      inputTokens: this.paid.inputTokens + usage.inputTokens,
      outputTokens: this.paid.outputTokens + usage.outputTokens,
      costUsd: cost === null || this.paid.costUsd === null ? null : this.paid.costUsd + cost,
    };
  }

  /** Keeps a fresh answer first, so that a crash from here on costs nothing, then records the one that stands. */
  async bought(answer: SummaryAnswer, cost: number | null, key: string): Promise<BatchResult> {
    const { run, batch } = this.task;
    const { text, finishReason, model, serviceTier, latencyMs, usage } = answer;
    this.addPayment({ calls: 1, usage, costUsd: cost });
    const standing = await keepContent(this.ports.work, key, {
      endpoint: run.endpoint,
      promptVersion: PROMPT_VERSION,
      answer: { text, finishReason, model, serviceTier, latencyMs, createdAt: new Date(this.ports.clock.now()).toISOString() },
      usage,
      costUsd: cost,
      paidBy: { runId: run.runId, attempt: run.attempt, level: batch.level, batchId: batch.batchId },
    });
    return this.ok(standing, key, false);
  }

  /** Records an answer that exists: this batch's own from before a crash, another batch's, or another run's. */
  async adopted(content: Content, key: string): Promise<BatchResult> {
    const { run, batch } = this.task;
    const { paidBy } = content;
    const isOwn = paidBy.runId === run.runId && paidBy.level === batch.level && paidBy.batchId === batch.batchId;
    if (isOwn) this.addPayment({ calls: 1, usage: content.usage, costUsd: content.costUsd, attempt: paidBy.attempt });
    return this.ok(content, key, paidBy.runId !== run.runId);
  }

  private ok({ answer, promptVersion }: Content, contentKey: string, fromCache: boolean) {
    return this.write({ status: 'ok', answer, error: null, promptVersion, contentKey, fromCache });
  }

  failedWith = (error: PipelineError) => this.failed(error.code ?? errorCodeOf(error.name), error.message);

  failed(code: string, message: string): Promise<BatchResult> {
    const error = { code, message };
    return this.write({ status: 'failed', answer: null, error, promptVersion: PROMPT_VERSION, contentKey: null, fromCache: false });
  }

  private async write(
    result: Pick<Outcome, 'status' | 'answer' | 'error' | 'promptVersion' | 'contentKey' | 'fromCache'>,
  ): Promise<BatchResult> {
    const { run, batch, tries } = this.task;
    await writeOutcome(this.ports.work, run.runId, {
      batchId: batch.batchId,
      level: batch.level,
      attempt: run.attempt,
      tries,
      paid: this.paid,
      ...result,
    });
    return settled;
  }
}
