import { utcDay } from '../shared/clock.ts';
import {
  ContextOverflowError,
  errorCodeOf,
  ModelUnavailableError,
  PipelineError,
  UnusableSummaryError,
  type Usage,
} from '../shared/errors.ts';
import { answerTimeMs, MODEL_TIMEOUT_MS } from '../shared/limits.ts';
import type { MetricValues } from '../shared/metrics.ts';
import { costUsd } from '../shared/model-catalog.ts';
import { unansweredKey } from '../shared/object-keys.ts';
import type { Payment } from '../shared/outcome.ts';
import type { SpendRequest, SummaryAnswer, SummaryRequest } from '../shared/ports.ts';
import { answerMetrics, failureMetrics } from './call-metrics.ts';
import { type Content, contentKeyOf, findContent, isUsable, keepContent, shortHash, type UsableContent } from './content.ts';
import { isWorthAskingAgain } from './output-check.ts';
import { inputTokensEstimate, PROMPT_VERSION } from './prompt.ts';
import { type CallEnd, takeRateSlot } from './rate-slot.ts';
import { longestAnswerTokens } from './run-estimate.ts';
import { isTierRefusal, STANDARD_TIER } from './service-tier.ts';
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

/** Refuses an answer that does not serve. @throws UnusableSummaryError, whose code says whether to ask again (see isWorthAskingAgain). */
export type AnswerCheck = (answer: SummaryAnswer) => void;

/** Time beyond that of the longest call; what is still reserved then belongs to a worker that died. */
const BUDGET_GRACE_MS = 30_000;

/** Codes of failures after which the endpoint may have billed a call whose answer never came. */
const maybeBilled = new Set(['timeout', 'network', 'invalid_response']);

/** What came of a call that was answered: an answer that serves, or why it does not. */
interface Reply {
  answer: SummaryAnswer | null;
  unusable: { code: string; message: string } | null;
  usage: Usage;
  costUsd: number | null;
}

/** The calls of one batch: each answer asked for once, kept before anything else happens, and accounted for. */
export class BatchCalls {
  private readonly task: BatchTask;
  private readonly ports: SummarizeBatchPorts;
  private readonly signal: AbortSignal | undefined;
  private readonly paid: Map<string, Payment>;
  private readonly adopted = new Set<string>();

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

  /** Keys of the answers that served here and that another run, or another batch of this one, had paid for. */
  get adoptedKeys(): string[] {
    return [...this.adopted];
  }

  /**
   * The answer to a request: found, or else paid for. Where the answer does not serve for a reason that another may not have, it is asked for
   * up to `maxAsks` times. `check` sees each new answer; what it has let through stays, found again or not.
   * @throws UnusableSummaryError, ContextOverflowError: there is no answer that serves; this stands for the rest of the attempt.
   * @throws AttemptHalted, NoMoreCalls, and what the summarizer throws.
   */
  async ask(request: SummaryRequest, check: AnswerCheck, maxAsks: number): Promise<FoundAnswer> {
    const { run, failure } = this.task;
    const contentKey = contentKeyOf(run.dataset, run.endpoint, request);
    let content = await this.find(contentKey);
    // An answer that somebody asks for at this moment is waited for once; where none came, this batch asks.
    const asking = isUsable(content) ? undefined : this.ports.asking?.get(contentKey);
    if (asking !== undefined) {
      await asking;
      content = await this.find(contentKey);
    }
    // What another run or an earlier attempt was refused is asked for again; a refusal of this attempt stands for every batch of the same words.
    if (content && !isUsable(content) && !(content.paidBy.runId === run.runId && content.paidBy.attempt === run.attempt))
      content = undefined;
    for (;;) {
      if (isUsable(content)) {
        if (!this.isOwn(content)) this.adopted.add(contentKey);
        return { content, contentKey };
      }
      const unusable = content?.unusable;
      if (unusable && (unusable.asked >= maxAsks || !isWorthAskingAgain(unusable.code))) throw unusableError(unusable);
      if (failure !== null) throw new NoMoreCalls();
      const paying = this.payAtSomeTier(request, check, contentKey, content);
      this.markAsking(contentKey, paying);
      content = await paying;
      this.account(content, contentKey);
    }
  }

  private async find(contentKey: string): Promise<Content | undefined> {
    const content = await findContent(this.ports.work, contentKey);
    if (content) this.account(content, contentKey);
    return content;
  }

  private markAsking(contentKey: string, paying: Promise<unknown>) {
    const { asking } = this.ports;
    if (!asking || asking.has(contentKey)) return;
    const end = () => void asking.delete(contentKey);
    asking.set(contentKey, paying.then(end, end));
  }

  private isOwn({ paidBy }: Content, attempt = paidBy.attempt) {
    const { run, batch } = this.task;
    return paidBy.runId === run.runId && paidBy.level === batch.level && paidBy.batchId === batch.batchId && paidBy.attempt === attempt;
  }

  private account(content: Content, contentKey: string) {
    if (!this.isOwn(content)) return;
    const { attempt } = content.paidBy;
    const hash = shortHash(contentKey);
    const unusableId = `${hash}-unusable-${attempt}`;
    // The usage of an answer that serves includes that of the ones before it.
    if (content.answer) this.paid.delete(unusableId);
    this.addPayment(content.answer ? hash : unusableId, attempt, content.answer ? 1 : 0, content.usage, content.costUsd);
  }

  private addPayment(answerId: string, attempt: number, calls: 0 | 1, { inputTokens, outputTokens }: Usage, cost: number | null) {
    this.paid.set(answerId, { answerId, attempt, calls, inputTokens, outputTokens, costUsd: cost });
  }

  /** A service tier that is refused is given up for the standard one. */
  private async payAtSomeTier(request: SummaryRequest, check: AnswerCheck, contentKey: string, before: Content | undefined) {
    try {
      return await this.pay(request, check, contentKey, before);
    } catch (error) {
      if (!isTierRefusal(request, error)) throw error;
      return await this.pay({ ...request, serviceTier: STANDARD_TIER }, check, contentKey, before);
    }
  }

  /** One call: a slot under the rate limit and money are reserved before it, what came is kept after it. @returns what stands under the key. */
  private async pay(request: SummaryRequest, check: AnswerCheck, contentKey: string, before: Content | undefined): Promise<Content> {
    const { run } = this.task;
    const most = { inputTokens: inputTokensEstimate(request), outputTokens: request.maxOutputTokens };
    const reserveUsd = costUsd(run.endpoint, request.model, null, most) ?? 0;
    // The slot first: a wait for it holds no money.
    const endSlot = await takeRateSlot(this.task, request, this.ports, this.signal).catch(async (error: unknown) => {
      // Nobody waits for a slot in an attempt that is halted.
      const stopReason = await this.ports.control.stopReason(run.runId, run.attempt);
      throw stopReason === undefined ? error : new AttemptHalted(stopReason);
    });
    const { maxCostUsd: capUsd } = run.settings;
    const spend: SpendRequest = { runId: run.runId, attempt: run.attempt, reserveUsd, capUsd, day: utcDay(this.ports.clock.now()) };
    let end: CallEnd = null;
    try {
      await this.reserve(spend);
      let spentUsd = 0;
      try {
        const reply = await this.call(request, check).catch((error: unknown) => {
          end = { error };
          this.tell(failureMetrics(error));
          if (this.isMaybeBilled(error)) spentUsd = reserveUsd;
          throw error;
        });
        end = { usage: reply.usage, limits: reply.answer?.limits ?? null };
        this.tell(answerMetrics(reply.answer, reply.usage, reply.costUsd));
        // A tier without a known price is held to the most that the call could cost at the standard one.
        spentUsd = reply.costUsd ?? reserveUsd;
        return await this.keep(reply, contentKey, before);
      } finally {
        // Not before the answer is kept: whatever goes wrong here must not cost it.
        await this.ports.control.settle(spend, spentUsd);
      }
    } finally {
      await endSlot(end);
    }
  }

  private async keep({ answer, unusable, usage, costUsd: cost }: Reply, contentKey: string, before: Content | undefined): Promise<Content> {
    const { run, batch } = this.task;
    const { work, clock } = this.ports;
    const content: Content = {
      endpoint: run.endpoint,
      promptVersion: PROMPT_VERSION,
      answer: answer && {
        text: answer.text,
        finishReason: answer.finishReason,
        model: answer.model,
        serviceTier: answer.serviceTier,
        latencyMs: answer.latencyMs,
        createdAt: new Date(clock.now()).toISOString(),
      },
      unusable: unusable && { ...unusable, asked: (before?.unusable?.asked ?? 0) + 1 },
      usage: before ? addedUsage(usage, before.usage) : usage,
      costUsd: cost === null || before?.costUsd === null ? null : cost + (before?.costUsd ?? 0),
      paidBy: { runId: run.runId, attempt: run.attempt, level: batch.level, batchId: batch.batchId },
    };
    const kept = await keepContent(work, contentKey, content);
    if (!this.isOwn(kept) || kept.answer?.text !== content.answer?.text || kept.answer?.createdAt !== content.answer?.createdAt) {
      // Somebody else was faster, perhaps with the same words: his answer stands, and this one was paid for all the same.
      this.addPayment(`${shortHash(contentKey)}-lost-${run.attempt}`, run.attempt, answer ? 1 : 0, usage, cost);
    }
    return kept;
  }

  private async call(request: SummaryRequest, check: AnswerCheck): Promise<Reply> {
    const { run } = this.task;
    let tier = request.serviceTier;
    const reply = (usage: Usage, result: Pick<Reply, 'answer' | 'unusable'>): Reply => ({
      ...result,
      usage,
      costUsd: costUsd(run.endpoint, request.model, tier, usage),
    });
    try {
      const answer = await this.ports.summarizer.summarize(request, { signal: this.signal });
      tier = answer.serviceTier ?? tier;
      check(answer);
      return reply(answer.usage, { answer, unusable: null });
    } catch (error) {
      if (this.isMaybeBilled(error)) await this.markUnanswered();
      if (!(error instanceof UnusableSummaryError || error instanceof ContextOverflowError)) throw error;
      const usage = error instanceof UnusableSummaryError ? error.usage : { inputTokens: 0, outputTokens: 0 };
      return reply(usage, { answer: null, unusable: { code: error.code ?? errorCodeOf(error.name), message: error.message } });
    }
  }

  private tell(values: MetricValues) {
    const { run, batch } = this.task;
    const { runId, attempt, dataset } = run;
    this.ports.metrics.tell(values, { dataset, runId, attempt, batchLevel: batch.level, batchId: batch.batchId });
  }

  /** Under a cap the calls in flight hold more than they will cost: a call that would fit without them waits until they are settled. */
  private async reserve(spend: SpendRequest): Promise<void> {
    const { control, clock } = this.ports;
    const longestWaitMs = MODEL_TIMEOUT_MS + answerTimeMs(longestAnswerTokens(this.task.run.settings)) + BUDGET_GRACE_MS;
    for (let waited = 0; ; waited++) {
      const decision = await control.reserve(spend);
      if (decision.granted) return;
      if (decision.stopReason !== null) throw new AttemptHalted(decision.stopReason);
      if (waited * 1000 >= longestWaitMs) throw new AttemptHalted(decision.heldBy);
      await clock.sleep(1, this.signal);
    }
  }

  /** Whether a call ended without an answer that the endpoint may have billed: cut off on its way, or by the deadline. */
  private isMaybeBilled(error: unknown) {
    if (error instanceof ModelUnavailableError) return maybeBilled.has(error.code ?? '');
    return this.signal?.aborted === true && !(error instanceof PipelineError);
  }

  private async markUnanswered() {
    const { run, batch, tries } = this.task;
    // Tries begin again after a wait: the time tells such marks apart.
    const key = unansweredKey(run.runId, run.attempt, batch.level, batch.batchId, tries, this.ports.clock.now());
    // A mark that cannot be left must not hide why the call failed.
    await this.ports.work.put(key, '').catch(() => this.ports.log.warn('no mark of an unanswered call'));
  }
}

/** What two answers took together; a part that neither tells stays untold. */
function addedUsage(one: Usage, other: Usage): Usage {
  const added = (some: number | undefined, more: number | undefined) =>
    some === undefined && more === undefined ? undefined : (some ?? 0) + (more ?? 0);
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    cachedInputTokens: added(one.cachedInputTokens, other.cachedInputTokens),
    reasoningTokens: added(one.reasoningTokens, other.reasoningTokens),
  };
}

const overflowCodes = /context|too_long|above_max/;

const unusableError = ({ code, message }: NonNullable<Content['unusable']>) =>
  overflowCodes.test(code) ? new ContextOverflowError(message, { code }) : new UnusableSummaryError(message, { code });
