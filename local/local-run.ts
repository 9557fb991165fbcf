import pLimit, { type LimitFunction } from 'p-limit';
import { finishRun } from '../functions/finish-run/finish-run.ts';
import { planBatches } from '../functions/plan-batches/plan-batches.ts';
import { openAiSummarizer } from '../functions/shared/adapters/openai-summarizer.ts';
import { systemClock } from '../functions/shared/clock.ts';
import type { Run, StepName } from '../functions/shared/contract.ts';
import { ModelAccessError, ModelQuotaExhaustedError, ModelUnavailableError } from '../functions/shared/errors.ts';
import { parseJson } from '../functions/shared/json-lines.ts';
import { noMetrics } from '../functions/shared/metrics.ts';
import { OFFLINE_ENDPOINT } from '../functions/shared/model-catalog.ts';
import { runRecordKey } from '../functions/shared/object-keys.ts';
import { type Plan, readPlan } from '../functions/shared/plan.ts';
import type { Clock, Control, EventSink, Log, ObjectStore, RateLimiter, Summarizer } from '../functions/shared/ports.ts';
import { runStep, withoutWords } from '../functions/shared/step.ts';
import { Breaker } from '../functions/summarize-batch/breaker.ts';
import { summarizeBatch } from '../functions/summarize-batch/summarize-batch.ts';
import { writeTables } from '../functions/write-tables/write-tables.ts';
import { RUN_FAILED, workflowDefinition } from '../infra/workflow.ts';
import { fileEventSink, type LocalEvent } from './file-event-sink.ts';
import { spentBefore } from './local-attempt.ts';
import type { LocalStores } from './local-stores.ts';
import { memoryControl } from './memory-control.ts';
import { memoryRateLimiter } from './memory-rate-limiter.ts';
import type { ModelChoice } from './model-choice.ts';
import { startModelServer } from './model-server/model-server.ts';
import type { RunMeter } from './run-meter.ts';
import { isStorageLost } from './system-error.ts';
import { loadWorkflow } from './workflow/definition.ts';
import { runWorkflow } from './workflow/engine.ts';
import type { StateEvent } from './workflow/execution.ts';

/** A row of `runs` as JSON has it. */
export type RunRecord = Record<string, string | number | boolean | null>;

export interface RunObserver {
  meter: RunMeter;
  /** Called when the plan is known, before the first call. */
  planned(plan: Plan, run: Run): void;
  /** Called when the endpoint makes batches wait, with the seconds until they are tried again. */
  waiting(seconds: number): void;
  /** Called with what a step threw, words included; Step Functions' double gets name and code only. */
  stepFailed(step: StepName, error: unknown): void;
  /** Called with each event of the run that is new in `events.jsonl`. */
  told?(event: LocalEvent): void;
  log: Log;
}

/** Stands between the run and its ports, for whoever counts what goes through them. */
export interface PortWatch {
  control(control: Control): Control;
  rate(rate: RateLimiter): RateLimiter;
  events(events: EventSink): EventSink;
  onState(event: StateEvent): void;
}

export interface LocalRun {
  run: Run;
  out: string;
  stores: LocalStores;
  model: ModelChoice;
  /** Model calls in flight. */
  concurrency: number;
  /** Where several runs share these calls: what lets so many of them through. @default one of the run's own */
  calls?: LimitFunction;
  /**
   * Batches that one function takes, of a level of so many.
   * @default one: a function costs nothing here, and with several batches it idles until its slowest call is answered
   */
  batchesPerFunction?: (batches: number) => number;
  observer: RunObserver;
  /** Its abort halts the attempt: calls in flight are finished, what is done is written, the rest waits for the next attempt. */
  interrupt?: AbortSignal;
  /** @default the system's */
  clock?: Clock;
  /** @default nobody watches */
  watch?: PortWatch;
}

/** Writing tables is the work of this one process: more parts at once take memory and no less time. Two, so that one reads while one compresses. */
const PARTS_WRITTEN_AT_ONCE = 2;

/** What all runs of this process share. */
const processRate = memoryRateLimiter();
const processAsking = new Map<string, Promise<void>>();

/** Runs one claimed attempt through the deployed workflow definition. @returns the run's record, undefined where finish-run did not come to its end. */
export async function runLocally(options: LocalRun): Promise<RunRecord | undefined> {
  const { run, out, stores, model, concurrency, observer, interrupt, clock = systemClock, watch } = options;
  const memory = memoryControl();
  const control = watch?.control(memory) ?? memory;
  const breaker = new Breaker(control);
  const limiter = options.clock ? memoryRateLimiter({ now: () => clock.now() }) : processRate;
  const rate = watch?.rate(limiter) ?? limiter;
  if (run.attempt > 1 && run.settings.maxCostUsd !== null) memory.restore(run.runId, await spentBefore(run, stores.work));
  const { meter, log } = observer;
  const hurry = new AbortController();
  const halt = async (stopReason: string) => {
    meter.isStopping = true;
    await control.halt(run.runId, run.attempt, stopReason);
    hurry.abort();
  };
  const onInterrupt = () => void halt('interrupted');
  if (interrupt?.aborted) onInterrupt();
  interrupt?.addEventListener('abort', onInterrupt, { once: true });
  // A watch gives one signal to all of its runs.
  using _ = { [Symbol.dispose]: () => interrupt?.removeEventListener('abort', onInterrupt) };

  await using endpoint = await openEndpoint(model);
  const work = meter.work(stores.work, run);
  const metrics = noMetrics;
  const isHalted = async () => (await control.stopReason(run.runId, run.attempt)) !== undefined;
  const summarizer = inFlight(meter.counting(endpoint.summarizer, run.endpoint), options.calls ?? pLimit(concurrency), isHalted);
  const sink = fileEventSink(out, { onWritten: (event) => observer.told?.(event) });
  const events = watch?.events(sink) ?? sink;

  const step =
    <Name extends StepName>(name: Name, work: Parameters<typeof runStep<Name>>[2]) =>
    async (payload: unknown) => {
      try {
        return await runStep(name, payload, work);
      } catch (error) {
        observer.stepFailed(name, error);
        // An answer that cannot be kept would be paid for at every try.
        if (name === 'summarize-batch' && isStorageLost(error)) await halt(`storage: ${error.code}`);
        throw withoutWords(error);
      }
    };
  const writing = pLimit(PARTS_WRITTEN_AT_ONCE);
  const functions = {
    'plan-batches': step('plan-batches', async (input) => {
      if (input.level === 0) meter.reading(input.run.source.bytes);
      const planned = await planBatches(input, {
        input: meter.input(stores.input),
        work,
        resultsBucket: stores.results.bucket,
        control,
        events,
        // Some batches read or write while others wait for the model: a few more in flight keep the calls at their number.
        concurrency: concurrency + Math.ceil(concurrency / 2),
        batchesPerFunction: options.batchesPerFunction ?? (() => 1),
        isTimeShort: () => hurry.signal.aborted,
      });
      const isFirst = planned.next === 'summarize' && planned.level === 0;
      const plan = isFirst ? await readPlan(stores.work, run.runId) : undefined;
      if (plan) {
        meter.planned(plan);
        observer.planned(plan, planned.run);
      }
      if (planned.next === 'summarize') meter.summarizing(planned.level);
      if (planned.next === 'write') meter.writing();
      return planned;
    }),
    'summarize-batch': step('summarize-batch', async (input) => {
      const result = await summarizeBatch(input, { work, summarizer, control, rate, breaker, clock, log, metrics, asking: processAsking });
      if (result.waitSeconds > 0) observer.waiting(result.waitSeconds);
      const left = new Set(result.remaining.map(({ batchId }) => batchId));
      if (!(await isHalted())) meter.batchesSettled(input.batches.filter(({ batchId }) => !left.has(batchId)));
      return result;
    }),
    'write-tables': step('write-tables', async (input) => {
      const written = await writing(() => writeTables(input, { work: stores.work }));
      meter.partWritten();
      return written;
    }),
    'finish-run': step('finish-run', (input) => {
      meter.finishing();
      return finishRun(input, { work: stores.work, results: stores.results, events, clock, log, metrics });
    }),
  };
  const names = Object.fromEntries(Object.keys(functions).map((name) => [name, name])) as Record<StepName, string>;
  const workflow = loadWorkflow(workflowDefinition({ functions: names, workBucket: stores.work.bucket }));
  const byBucket = new Map<string, ObjectStore>(Object.values(stores).map((store) => [store.bucket, store]));
  const result = await runWorkflow(workflow, run, {
    name: `${run.runId}-${run.attempt}`,
    functions,
    store: (bucket) => byBucket.get(bucket) ?? unknownBucket(bucket),
    clock,
    hurry: hurry.signal,
    ...(watch && { onState: watch.onState }),
  });
  if (result.status !== 'SUCCEEDED')
    observer.log.warn('workflow ended early', { status: result.status, error: result.error, cause: result.cause });
  const isFinished = result.status === 'SUCCEEDED' || result.error === RUN_FAILED;
  const bytes = isFinished ? await stores.work.get(runRecordKey(run.runId)) : undefined;
  return bytes && (parseJson(bytes) as RunRecord);
}

const unknownBucket = (bucket: string): never => {
  throw new Error(`There is no bucket ${bucket}`);
};

async function openEndpoint(model: ModelChoice): Promise<AsyncDisposable & { summarizer: Summarizer }> {
  if (!('apiKey' in model)) {
    const server = await startModelServer();
    const summarizer = openAiSummarizer({ apiKey: OFFLINE_ENDPOINT, baseUrl: server.baseUrl });
    return { summarizer, [Symbol.asyncDispose]: () => server.close() };
  }
  return { summarizer: openAiSummarizer({ apiKey: model.apiKey, baseUrl: model.endpoint }), [Symbol.asyncDispose]: async () => {} };
}

/** The summarizer, with as many calls in flight as are let through. A call whose turn comes after the halt is not made; trying again finds the halt. */
function inFlight(summarizer: Summarizer, limit: LimitFunction, isHalted: () => Promise<boolean>): Summarizer {
  let isOver = false;
  return {
    summarize: (request, options) =>
      limit(async () => {
        if (isOver || (await isHalted())) throw new ModelUnavailableError('The run was halted before this call', { code: 'halted' });
        try {
          return await summarizer.summarize(request, options);
        } catch (error) {
          // The next call has its turn before the halt that follows from this is set.
          isOver ||= error instanceof ModelQuotaExhaustedError || error instanceof ModelAccessError;
          throw error;
        }
      }),
  };
}
