import { acceptUpload, type Executions, type ObjectCreatedEvent } from '../../functions/accept-upload/accept-upload.ts';
import { finishInput } from '../../functions/finish-run/ended-execution.ts';
import { finishRun } from '../../functions/finish-run/finish-run.ts';
import { planBatches } from '../../functions/plan-batches/plan-batches.ts';
import { claimAttempt } from '../../functions/shared/attempt.ts';
import type { Batch, Run, StepName } from '../../functions/shared/contract.ts';
import { noMetrics } from '../../functions/shared/metrics.ts';
import type { Clock, Log, Summarizer } from '../../functions/shared/ports.ts';
import { runStep, withoutWords } from '../../functions/shared/step.ts';
import { Breaker } from '../../functions/summarize-batch/breaker.ts';
import { summarizeBatch } from '../../functions/summarize-batch/summarize-batch.ts';
import { writeTables } from '../../functions/write-tables/write-tables.ts';
import { workflowDefinition } from '../../infra/workflow.ts';
import { memoryControl } from '../../local/memory-control.ts';
import { memoryRateLimiter } from '../../local/memory-rate-limiter.ts';
import { loadWorkflow } from '../../local/workflow/definition.ts';
import { type RunResult, runWorkflow } from '../../local/workflow/engine.ts';
import { executionArn, executionEvent } from '../fakes/execution-event.ts';
import { MemoryStore } from '../fakes/memory-store.ts';
import { RecordingEventSink } from '../fakes/recording-event-sink.ts';
import { answered, ScriptedSummarizer } from '../fakes/scripted-summarizer.ts';

/** What a fault knows of a call of a step. */
export interface StepCall {
  step: StepName;
  payload: { run: Run; level?: number; batches?: Batch[]; part?: string; failure?: string | null };
  /** 0 for the first call of this step that the fault was asked about. */
  nth: number;
}

/** Does the work of a call, or something in its place. */
export type Strike = (call: StepCall, work: () => Promise<unknown>) => Promise<unknown>;

const DAY_SECONDS = 86_400;
let now = Date.parse('2026-11-26T10:00:00Z');
/** Time that goes on by itself. Waits and pauses are over at once; the time limit of the whole execution never comes. */
const clock: Clock = {
  now: () => now++,
  sleep: (seconds, signal) =>
    seconds < DAY_SECONDS ? Promise.resolve() : new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
};
const log: Log = { info() {}, warn() {} };

/** An answer that only these words can have. */
const answerTo = (words: string) => `About ${words.length} characters, ${Buffer.from(words).subarray(-40).toString('hex').slice(0, 60)}.`;

const steps = ['plan-batches', 'summarize-batch', 'write-tables', 'finish-run'] as const;
const workflow = loadWorkflow(
  workflowDefinition({ functions: Object.fromEntries(steps.map((step) => [step, step])) as Record<StepName, string>, workBucket: 'work' }),
);

/** The pipeline in memory: the deployed definition and the steps' own code, with a fault struck where a test says. */
export class FaultyPipeline {
  readonly input = new MemoryStore('input');
  readonly work = new MemoryStore('work');
  readonly results = new MemoryStore('results');
  readonly events = new RecordingEventSink();
  readonly model: ScriptedSummarizer;
  /** Every payload that a step was called with, in order. */
  readonly payloads: { step: StepName; payload: unknown }[] = [];
  /** Executions that were started, each once, by name. */
  readonly started = new Map<string, Run>();
  strike: Strike = (_, work) => work();
  private readonly control = memoryControl();
  private readonly breaker = new Breaker(this.control);
  private readonly rate = memoryRateLimiter({ now: clock.now });
  private readonly asked = new Map<StepName, number>();

  constructor(
    model: Summarizer['summarize'] = async ({ messages }) => answered(answerTo(messages.map(({ content }) => content).join(''))),
  ) {
    this.model = new ScriptedSummarizer((request) => model(request, {}));
  }

  /** Delivers the event of an object, as it lies in the input bucket. @returns the runs that it started. */
  async deliver(key: string, versionId: string): Promise<Run[]> {
    const size = this.input.bytes(key).length;
    const event: ObjectCreatedEvent = { detail: { bucket: { name: 'input' }, object: { key, size, 'version-id': versionId } } };
    const before = new Set(this.started.keys());
    const executions: Executions = {
      arnOf: executionArn,
      start: (name, input) => {
        if (this.started.has(name)) return Promise.resolve('exists');
        this.started.set(name, structuredClone(input));
        return Promise.resolve('started');
      },
    };
    await acceptUpload(event, { input: this.input, work: this.work, executions, clock, log, endpoint: 'https://api.openai.com/v1' });
    return [...this.started].filter(([name]) => !before.has(name)).map(([, run]) => run);
  }

  /** Claims the next attempt of a run, as a redrive does. */
  async nextAttempt(run: Run): Promise<Run> {
    const next = { ...run, attempt: run.attempt + 1 };
    const owner = executionArn(`${run.runId}-${next.attempt}`);
    await claimAttempt(this.work, run.runId, { ...next, owner, acceptedAt: new Date(clock.now()).toISOString() });
    return next;
  }

  /** Runs an execution of the workflow to its end, its functions with it. */
  execute(run: Run, signal?: AbortSignal): Promise<RunResult> {
    return runWorkflow(workflow, run, {
      name: `${run.runId}-${run.attempt}`,
      functions: Object.fromEntries(steps.map((step) => [step, (payload: unknown) => this.call(step, payload)])),
      store: (bucket) => (bucket === 'work' ? this.work : this.results),
      clock,
      random: () => 0,
      ...(signal && { signal }),
    });
  }

  /** Delivers the event of an execution that ended without its Catch. */
  async closeEnded(run: Run, status: 'FAILED' | 'ABORTED' | 'TIMED_OUT'): Promise<unknown> {
    const input = await finishInput(executionEvent(run, status), this.work);
    return input && this.call('finish-run', input);
  }

  /** Calls a step's function, the fault included. */
  async call<Name extends StepName>(step: Name, payload: unknown): Promise<unknown> {
    const nth = this.asked.get(step) ?? 0;
    this.asked.set(step, nth + 1);
    this.payloads.push({ step, payload: structuredClone(payload) });
    return this.strike({ step, payload: payload as StepCall['payload'], nth }, () => this.workOf(step, payload));
  }

  private async workOf<Name extends StepName>(step: Name, payload: unknown): Promise<unknown> {
    const { input, work, results, control, breaker, rate, events, model } = this;
    const works: { [Step in StepName]: (input: never) => Promise<unknown> } = {
      'plan-batches': (planned: Parameters<typeof planBatches>[0]) =>
        planBatches(planned, { input, work, resultsBucket: 'results', control, events, concurrency: 4, isTimeShort: () => false }),
      'summarize-batch': (batches: Parameters<typeof summarizeBatch>[0]) =>
        summarizeBatch(batches, { work, summarizer: model, control, rate, breaker, clock, log, metrics: noMetrics }),
      'write-tables': (part: Parameters<typeof writeTables>[0]) => writeTables(part, { work }),
      'finish-run': (ended: Parameters<typeof finishRun>[0]) => finishRun(ended, { work, results, events, clock, log, metrics: noMetrics }),
    };
    try {
      return await runStep(step, structuredClone(payload), works[step] as never);
    } catch (error) {
      throw withoutWords(error);
    }
  }
}
