import {
  ContextOverflowError,
  ModelRequestError,
  ModelThrottledError,
  ModelUnavailableError,
  UnusableSummaryError,
} from '../shared/errors.ts';
import { costUsd } from '../shared/model-catalog.ts';
import { unansweredKey } from '../shared/object-keys.ts';
import type { Payment } from '../shared/outcome.ts';
import { BUDGET_EXCEEDED, type SpendRequest, type SummaryAnswer, type SummaryRequest } from '../shared/ports.ts';
import { type Content, contentKeyOf, findContent, isUsable, keepContent, type UsableContent } from './content.ts';
import { checkOutput, isWorthAskingAgain } from './output-check.ts';
import { inputTokensEstimate, PROMPT_VERSION } from './prompt.ts';
import type { BatchTask, SummarizeBatchPorts } from './summarize-batch.ts';

/** The attempt is halted: no further call is made. */
export class AttemptHalted extends Error {
  override readonly name = 'AttemptHalted';
  readonly stopReason: string;

  constructor(stopReason: string) {
    super(stopReason);
    this.stopReason = stopReason;
  }
}

/** Retries are used up: what has been answered is adopted, nothing is asked any more. */
export class NoMoreCalls extends Error {
  override readonly name = 'NoMoreCalls';
}

export interface FoundAnswer {
  content: UsableContent;
  contentKey: string;
}

/** Longer than a call in flight can last; what is still reserved then belongs to a worker that died. */
const MAX_BUDGET_WAIT_SECONDS = 90;

/** Codes of failures after which the endpoint may have billed a call whose answer never came. */
const maybeBilled = new Set(['timeout', 'network', 'invalid_response']);

const isTierRefusal = (error: unknown) =>
  (error instanceof ModelThrottledError && error.code === 'resource_unavailable') ||
  (error instanceof ModelRequestError && /service[ _]tier/i.test(error.message));

/** The calls of one batch: each answer asked for once, kept before anything else happens, and accounted for. */
export class BatchCalls {
  private readonly task: BatchTask;
  private readonly ports: SummarizeBatchPorts;
  private readonly signal: AbortSignal | undefined;
  private readonly paid: Map<string, Payment>;

  constructor(task: BatchTask, ports: SummarizeBatchPorts, paidBefore: readonly Payment[], signal?: AbortSignal) {
    this.task = task;
    this.ports = ports;
    this.signal = signal;
    this.paid = new Map(paidBefore.map((payment) => [payment.answerId, payment]));
  }

  /** What this run has paid for this batch, all attempts. */
  get payments(): Payment[] {
    return [...this.paid.values()];
  }

  /**
   * The answer to a request: found, or else paid for. Where the answer does not serve for a reason that another may not have, it is asked for
   * up to `maxAsks` times. `texts` are the words that the answer may borrow addresses from.
   * @throws UnusableSummaryError, ContextOverflowError: there is no answer that serves; this stands for the rest of the attempt.
   * @throws AttemptHalted, NoMoreCalls, and what the summarizer throws.
   */
  async ask(request: SummaryRequest, texts: readonly string[], maxAsks: number): Promise<FoundAnswer> {
    const { run, failure } = this.task;
    const contentKey = contentKeyOf(run.dataset, run.endpoint, request);
    let content = await findContent(this.ports.work, contentKey);
    if (content && !isUsable(content) && !this.isOwn(content, run.attempt)) content = undefined;
    for (;;) {
      if (content) this.account(content, contentKey);
      if (isUsable(content)) return { content, contentKey };
      const unusable = content?.unusable;
      if (unusable && (unusable.asked >= maxAsks || !isWorthAskingAgain(unusable.code))) throw unusableError(unusable);
      if (failure !== null) throw new NoMoreCalls();
      content = await this.pay(request, texts, contentKey, content);
    }
  }

  private isOwn({ paidBy }: Content, attempt = paidBy.attempt) {
    const { run, batch } = this.task;
    return paidBy.runId === run.runId && paidBy.level === batch.level && paidBy.batchId === batch.batchId && paidBy.attempt === attempt;
  }

  private account(content: Content, contentKey: string) {
    if (!this.isOwn(content)) return;
    const { attempt } = content.paidBy;
    const hash = contentKey.slice(-17, -5);
    const answerId = content.answer ? hash : `${hash}-unusable-${attempt}`;
    this.paid.set(answerId, { answerId, attempt, calls: content.answer ? 1 : 0, ...content.usage, costUsd: content.costUsd });
  }

  /** One call: rate and money are reserved before it, what came is kept after it. @returns what stands under the key. */
  private async pay(request: SummaryRequest, texts: readonly string[], contentKey: string, before: Content | undefined): Promise<Content> {
    const { run, batch } = this.task;
    const { work, clock } = this.ports;
    const base = {
      endpoint: run.endpoint,
      promptVersion: PROMPT_VERSION,
      paidBy: { runId: run.runId, attempt: run.attempt, level: batch.level, batchId: batch.batchId },
    };
    const usage = (one: Content['usage']) => ({
      inputTokens: one.inputTokens + (before?.usage.inputTokens ?? 0),
      outputTokens: one.outputTokens + (before?.usage.outputTokens ?? 0),
    });
    const total = (cost: number | null) => (cost === null || before?.costUsd === null ? null : cost + (before?.costUsd ?? 0));
    try {
      const { answer, costUsd: cost } = await this.call(request, texts);
      const { text, finishReason, model, serviceTier, latencyMs } = answer;
      const kept = await keepContent(work, contentKey, {
        ...base,
        answer: { text, finishReason, model, serviceTier, latencyMs, createdAt: new Date(clock.now()).toISOString() },
        unusable: null,
        usage: usage(answer.usage),
        costUsd: total(cost),
      });
      if (this.isOwn(kept) && kept.answer?.text === text) return kept;
      // Somebody else was faster: his answer stands, and this one was paid for all the same.
      const answerId = `${contentKey.slice(-17, -5)}-lost-${run.attempt}`;
      this.paid.set(answerId, { answerId, attempt: run.attempt, calls: 1, ...answer.usage, costUsd: cost });
      return kept;
    } catch (error) {
      if (!(error instanceof UnusableSummaryError || error instanceof ContextOverflowError)) throw error;
      const spent = error instanceof UnusableSummaryError ? error.usage : { inputTokens: 0, outputTokens: 0 };
      const unusable = { code: error.code ?? 'unusable', message: error.message, asked: (before?.unusable?.asked ?? 0) + 1 };
      const cost = costUsd(run.endpoint, request.model, request.serviceTier, spent);
      return keepContent(work, contentKey, { ...base, answer: null, unusable, usage: usage(spent), costUsd: total(cost) });
    }
  }

  private async call(request: SummaryRequest, texts: readonly string[]): Promise<{ answer: SummaryAnswer; costUsd: number | null }> {
    const { run } = this.task;
    const price = (usage: Content['usage'], tier: string | null) => costUsd(run.endpoint, request.model, tier, usage);
    const most = price({ inputTokens: inputTokensEstimate(request), outputTokens: request.maxOutputTokens }, null) ?? 0;
    const spend: SpendRequest = { runId: run.runId, attempt: run.attempt, reserveUsd: most, capUsd: run.settings.maxCostUsd };
    await this.reserve(spend);
    let spentUsd = 0;
    try {
      const answer = await this.summarize(request);
      const cost = price(answer.usage, answer.serviceTier ?? request.serviceTier);
      spentUsd = cost ?? 0;
      checkOutput(answer, texts);
      return { answer, costUsd: cost };
    } catch (error) {
      if (error instanceof UnusableSummaryError) spentUsd = price(error.usage, request.serviceTier) ?? 0;
      throw error;
    } finally {
      await this.ports.control.settle(spend, spentUsd);
    }
  }

  /** Under a cap the calls in flight hold more than they will cost: a call that would fit without them waits until they are settled. */
  private async reserve(spend: SpendRequest): Promise<void> {
    const { control, clock } = this.ports;
    for (let waited = 0; ; waited++) {
      const decision = await control.reserve(spend);
      if (decision.granted) return;
      if (decision.stopReason !== null) throw new AttemptHalted(decision.stopReason);
      if (waited === MAX_BUDGET_WAIT_SECONDS) throw new AttemptHalted(BUDGET_EXCEEDED);
      await clock.sleep(1, this.signal);
    }
  }

  /** A service tier that is refused is given up for the standard one. */
  private async summarize(request: SummaryRequest): Promise<SummaryAnswer> {
    const { summarizer } = this.ports;
    try {
      return await summarizer.summarize(request, { signal: this.signal });
    } catch (error) {
      if (request.serviceTier !== null && isTierRefusal(error)) {
        return await summarizer.summarize({ ...request, serviceTier: 'default' }, { signal: this.signal });
      }
      if (error instanceof ModelUnavailableError && maybeBilled.has(error.code ?? '')) await this.markUnanswered();
      throw error;
    }
  }

  private async markUnanswered() {
    const { run, batch, tries } = this.task;
    await this.ports.work.put(unansweredKey(run.runId, run.attempt, batch.level, batch.batchId, tries), '');
  }
}

const overflowCodes = /context|too_long|above_max/;

const unusableError = ({ code, message }: NonNullable<Content['unusable']>) =>
  overflowCodes.test(code) ? new ContextOverflowError(message, { code }) : new UnusableSummaryError(message, { code });
