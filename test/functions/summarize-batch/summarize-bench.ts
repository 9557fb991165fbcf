import { type Batch, type Run, summarizeBatchOutput } from '../../../functions/shared/contract.ts';
import { UnusableSummaryError } from '../../../functions/shared/errors.ts';
import { outcomeKey } from '../../../functions/shared/object-keys.ts';
import { addPayments, noPayments, type Outcome, outcomeSchema } from '../../../functions/shared/outcome.ts';
import type { Clock, SpendRequest, SummaryRequest } from '../../../functions/shared/ports.ts';
import { Breaker } from '../../../functions/summarize-batch/breaker.ts';
import { contentKeyOf } from '../../../functions/summarize-batch/content.ts';
import { rowsRequest } from '../../../functions/summarize-batch/prompt.ts';
import { type SummarizeBatchPorts, summarizeBatch } from '../../../functions/summarize-batch/summarize-batch.ts';
import { type MemoryControl, memoryControl } from '../../../local/memory-control.ts';
import { memoryRateLimiter } from '../../../local/memory-rate-limiter.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { RecordingMetrics } from '../../fakes/recording-metrics.ts';
import { planSample, RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { ANSWER_USAGE, answered, ScriptedSummarizer, textsOf } from '../../fakes/scripted-summarizer.ts';
import { FakeClock } from '../../local/workflow/fake-clock.ts';

export const OUTCOMES = /\/outcomes\//;
export const CONTENTS = /^summaries\//;

type Replies = ConstructorParameters<typeof ScriptedSummarizer>;

interface BenchOptions {
  run?: Run;
  texts?: readonly string[];
  work?: MemoryStore;
  control?: SummarizeBatchPorts['control'];
  rate?: SummarizeBatchPorts['rate'] | undefined;
  /** @default one that jumps at every sleep */
  time?: Clock | undefined;
  asking?: SummarizeBatchPorts['asking'];
}

/** A planned run of two rows a batch, and one summarizer after the other that answers what it is told. */
export async function openBench({
  run = sampleRun({ settings: { batchRows: 2 } }),
  texts = ['a', 'b', 'c', 'd'],
  work = new MemoryStore('work'),
  control = memoryControl(),
  time,
  asking,
  rate: givenRate,
}: BenchOptions = {}) {
  const batches = await planSample(work, run, texts);
  work.operations.length = 0;
  const clock = new FakeClock({ jumps: true });
  const log = new RecordingLog();
  const metrics = new RecordingMetrics();
  const breaker = new Breaker(control);
  const rate = givenRate ?? memoryRateLimiter({ now: () => (time ?? clock).now(), random: () => 0 });
  let model = new ScriptedSummarizer();

  const summarizeWith = async (
    summarizer: ScriptedSummarizer,
    {
      batches: some = batches,
      attempt = run.attempt,
      retryCount = 0,
      hasWaited = false,
      failure = null as string | null,
      of = run,
      signal = undefined as AbortSignal | undefined,
    } = {},
  ) => {
    model = summarizer;
    const input = { run: { ...of, attempt }, batches: some, retryCount, hasWaited, failure };
    return summarizeBatchOutput.parse(
      await summarizeBatch(
        input,
        { work, summarizer, control, rate, breaker, clock: time ?? clock, log, metrics, ...(asking && { asking }) },
        signal,
      ),
    );
  };

  return {
    run,
    work,
    control,
    clock,
    log,
    metrics,
    batches,
    first: [batches[0] as Batch],
    get requests() {
      return model.requests;
    },
    summarizeWith,
    /** Summarizes with these replies to the calls, in their order. */
    summarize: (replies: Replies | [], options?: Parameters<typeof summarizeWith>[1]) =>
      summarizeWith(new ScriptedSummarizer(...(replies as Replies)), options),
    outcome: (batchId: number, runId = run.runId): Outcome => outcomeSchema.parse(work.json(outcomeKey(runId, 0, batchId))),
    outcomes: () => work.keys().filter((key) => OUTCOMES.test(key)),
    contents: () => work.keys().filter((key) => CONTENTS.test(key)),
    contentKeyOfTexts: (batchTexts: readonly string[]) => contentKeyOf(run.dataset, run.endpoint, rowsRequest(batchTexts, run.settings)),
  };
}

/** What a batch has paid, answers of no use included. */
export const paidFor = ({ payments }: Outcome) => addPayments(noPayments(), payments);

/** Answers each request with a summary that names its texts. */
export const summaryOf = () => new ScriptedSummarizer((request) => answered(`summary of ${request.messages[1]?.content}`));

/** Dollars that the control takes the run to have spent: the most that still fits is found by asking. */
export async function spentUsd(control: MemoryControl): Promise<number> {
  const request = (capUsd: number): SpendRequest => ({ runId: RUN_ID, attempt: 99, reserveUsd: 0, capUsd, day: '2026-11-26' });
  let [low, high] = [0, 1];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if ((await control.reserve(request(middle))).granted) high = middle;
    else low = middle;
  }
  return high;
}

/** Fails at every request that holds one of these texts, and answers the others, the merge of pieces too. */
export const failingAt = (badTexts: readonly string[], failure: () => Error) =>
  new ScriptedSummarizer((request) =>
    textsOf(request).some((text) => badTexts.includes(text)) ? failure() : answered(`summary of ${request.messages[1]?.content.length}`),
  );

export const refused = () => new UnusableSummaryError('The model refused', { code: 'refusal', usage: ANSWER_USAGE });
export const empty = () => new UnusableSummaryError('The answer is empty', { code: 'empty', usage: ANSWER_USAGE });

/** The parts that a merge request holds, undefined where it asks for rows. */
export const partsOf = (request: SummaryRequest): { rows: number; summary: string }[] | undefined => {
  const parts = JSON.parse(request.messages[1]?.content ?? '') as (string | { rows: number; summary: string })[];
  return parts.every((part) => typeof part === 'object') ? parts : undefined;
};
