import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { acceptUpload, objectCreatedEvent } from '../../functions/accept-upload/accept-upload.ts';
import { finishRun } from '../../functions/finish-run/finish-run.ts';
import { planBatches } from '../../functions/plan-batches/plan-batches.ts';
import { type Run, runSchema, type StepName } from '../../functions/shared/contract.ts';
import { envNames } from '../../functions/shared/env.ts';
import {
  ModelAccessError,
  ModelRequestError,
  ModelThrottledError,
  ModelUnavailableError,
  UnusableSummaryError,
} from '../../functions/shared/errors.ts';
import { METRIC_NAMESPACE, metricNames } from '../../functions/shared/metrics.ts';
import { runRecordKey } from '../../functions/shared/object-keys.ts';
import { lambdaHandler, pipelineHandler } from '../../functions/shared/pipeline-handler.ts';
import type { Clock } from '../../functions/shared/ports.ts';
import { Breaker } from '../../functions/summarize-batch/breaker.ts';
import { summarizeBatch } from '../../functions/summarize-batch/summarize-batch.ts';
import { watchRuns } from '../../functions/watch-runs/watch-runs.ts';
import { writeTables } from '../../functions/write-tables/write-tables.ts';
import { workflowDefinition } from '../../infra/workflow.ts';
import { memoryControl } from '../../local/memory-control.ts';
import { memoryRateLimiter } from '../../local/memory-rate-limiter.ts';
import { loadWorkflow } from '../../local/workflow/definition.ts';
import { runWorkflow } from '../../local/workflow/engine.ts';
import { FakeExecutions } from '../fakes/fake-executions.ts';
import { MemoryStore } from '../fakes/memory-store.ts';
import { RecordingEventSink } from '../fakes/recording-event-sink.ts';
import { answered, ScriptedSummarizer } from '../fakes/scripted-summarizer.ts';
import { FakeClock } from '../local/workflow/fake-clock.ts';

/** Stands in every text, id, attribute, instruction, answer and message of an error, and nowhere else. */
const WORD = 'Zanzibar';

/** What the model says to a request that holds the word before `!`. */
const replies: Record<string, () => ReturnType<typeof answered> | Error> = {
  answer: () => answered(`They speak of ${WORD}.`),
  refuse: () => new UnusableSummaryError(`I will not speak of ${WORD}.`, { code: 'refusal' }),
  reject: () => new ModelRequestError(`400: "${WORD}" is invalid`, { code: 'http_400' }),
  unavailable: () => new ModelUnavailableError(`502 ${WORD}`, { code: 'http_502' }),
  denied: () => new ModelAccessError(`401 ${WORD}`, { code: 'invalid_api_key' }),
  unexpected: () => new Error(`${WORD}\n    at ${WORD} (${WORD}.ts:1:1)`),
};
let isThrottling = true;

/** Longer than any pause between two tries: only the time limit of the whole run waits so long. */
const HOUR_SECONDS = 3_600;

/** Pauses take no time. */
function hurriedClock(): Clock {
  const jumping = new FakeClock({ jumps: true });
  return {
    now: () => jumping.now(),
    async sleep(seconds, signal) {
      if (seconds < HOUR_SECONDS) await jumping.sleep(seconds);
      else if (signal) await once(signal, 'abort');
    },
  };
}

const context = (name: string) =>
  ({ functionName: name, awsRequestId: 'request-1', memoryLimitInMB: '256', getRemainingTimeInMillis: () => 600_000 }) as Context;

function pipeline() {
  const stores = { input: new MemoryStore('input'), work: new MemoryStore('work'), results: new MemoryStore('results') };
  const { work } = stores;
  const executions = new FakeExecutions();
  const clock = hurriedClock();
  const control = memoryControl();
  const breaker = new Breaker(control);
  const rate = memoryRateLimiter({ now: () => clock.now(), random: () => 0 });
  const events = new RecordingEventSink();
  const summarizer = new ScriptedSummarizer((request) => {
    if (isThrottling) {
      isThrottling = false;
      return new ModelThrottledError(`429 ${WORD}`, { code: 'rate_limit_exceeded', retryAfterSeconds: 30 });
    }
    const words = Object.keys(replies).filter((word) => request.messages[1]?.content.includes(`${word}!`));
    return replies[words.find((word) => word !== 'answer') ?? 'answer']!();
  });

  const accept = lambdaHandler((event, { log }) =>
    acceptUpload(objectCreatedEvent.parse(event), { ...stores, executions, clock, log, endpoint: 'https://api.openai.com/v1' }),
  );
  // An environment of Lambda has one invocation at a time, so each has a handler of its own here.
  const steps = {
    'plan-batches': () =>
      pipelineHandler('plan-batches', (input, { isTimeShort }) =>
        planBatches(input, { ...stores, resultsBucket: 'results', control, events, concurrency: 4, isTimeShort }),
      ),
    'summarize-batch': () =>
      pipelineHandler('summarize-batch', (input, { log, metrics }) =>
        summarizeBatch(input, { work, summarizer, control, rate, breaker, clock, log, metrics }),
      ),
    'write-tables': () => pipelineHandler('write-tables', (input) => writeTables(input, { work })),
    'finish-run': () =>
      pipelineHandler('finish-run', (input, { log, metrics }) => finishRun(input, { ...stores, events, clock, log, metrics })),
  };
  const functions = Object.fromEntries(
    Object.entries(steps).map(([name, open]) => [name, (payload: unknown) => open()(payload, context(name)) as Promise<unknown>]),
  );
  const names = Object.fromEntries(Object.keys(steps).map((name) => [name, name])) as Record<StepName, string>;
  const workflow = loadWorkflow(workflowDefinition({ functions: names, workBucket: 'work' }));

  return {
    stores,
    /** Drops a file and runs what it starts to its end. @returns the status of the run. */
    async drop(key: string, body: string, metadata: Record<string, string> = {}): Promise<string> {
      const object = { key, size: Buffer.byteLength(body), 'version-id': stores.input.seed(key, body, metadata) };
      const accepted = (await accept({ detail: { bucket: { name: 'input' }, object } }, context('accept-upload'))) as { run: Run };
      const run = runSchema.parse(accepted.run);
      const store = (bucket: string) => stores[bucket as keyof typeof stores];
      await runWorkflow(workflow, run, { name: `${run.runId}-1`, functions, store, clock, random: () => 0 });
      return work.json<{ status: string }>(runRecordKey(run.runId)).status;
    },
  };
}

/** A table whose rows say to the model what it is to answer. */
const reviews = (...says: string[]) =>
  `${[
    `id,review,product,${WORD}`,
    ...says.map((word, row) => `${WORD}-${row},"I was in ${WORD}, and ${word}! is what I say about it",${WORD} bag,${WORD}`),
  ].join('\n')}\n`;

const logged: string[] = [];
const lines = () =>
  logged
    .join('')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const isMetric = (line: Record<string, unknown>) => '_aws' in line;
const statuses: Record<string, string> = {};

beforeAll(async () => {
  process.env[envNames.deployment] = 'hundredfold';
  const spies = [process.stdout, process.stderr].map((stream) =>
    jest.spyOn(stream, 'write').mockImplementation((chunk: unknown) => {
      logged.push(String(chunk));
      return true;
    }),
  );
  try {
    const { drop, stores } = pipeline();
    stores.input.seed(
      'support/_hundredfold.json',
      JSON.stringify({ batchRows: 1, textColumn: 'review', instruction: `summarize what {rows} people say of ${WORD}` }),
    );
    statuses.complete = await drop('support/complete.csv', reviews('answer', 'answer', 'answer'));
    statuses.partial = await drop('support/partial.csv', reviews('answer', 'refuse', 'reject', 'unavailable', 'unexpected'));
    statuses.failed = await drop('support/failed.csv', reviews('refuse', 'reject'));
    statuses.halted = await drop('support/halted.csv', reviews('denied', 'answer'));
    statuses.rejected = await drop('support/rejected.csv', `PK\u0003\u0004${WORD}`);
    statuses.unset = await drop('support/unset.csv', reviews('answer'), { 'hundredfold-batch-rows': WORD });
    stores.work.before(/receipts/, () => {
      throw new Error(`AccessDenied: ${WORD}`);
    });
    statuses.retried = await drop('support/retried.csv', reviews('answer', 'answer'));
    const watch = lambdaHandler((_, { log, metrics }) =>
      watchRuns({
        async *running() {
          yield { name: 'july-1', startedAt: 0 };
        },
        clock: new FakeClock(),
        log,
        metrics,
      }),
    );
    await watch({}, context('watch-runs'));
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
});
afterAll(() => {
  delete process.env[envNames.deployment];
  logged.length = 0;
});

test('the runs ended as they were meant to', () => {
  expect(statuses).toEqual({
    ...{ complete: 'complete', partial: 'partial', failed: 'failed', halted: 'halted', rejected: 'rejected' },
    ...{ unset: 'rejected', retried: 'complete' },
  });
});

describe('the lines of all steps', () => {
  test('hold no word of a customer, whatever went wrong', () => {
    expect(lines().length).toBeGreaterThan(20);
    expect(lines().filter((line) => JSON.stringify(line).toLowerCase().includes(WORD.toLowerCase()))).toEqual([]);
  });

  test('name run and dataset, and those on batches the batch', () => {
    const ofRuns = lines().filter(
      ({ service, OpenRuns, message }) => OpenRuns === undefined && message !== 'oldest run at work' && service,
    );
    for (const line of [...ofRuns, ...lines().filter((line) => isMetric(line) && !('OpenRuns' in line))]) {
      expect(line).toMatchObject({ runId: expect.stringMatching(/-[0-9a-f]{16}$/), dataset: 'support' });
    }
    const ofBatches = lines().filter(({ ModelCalls, message }) => ModelCalls !== undefined || message === 'run halted');
    expect(ofBatches.length).toBeGreaterThan(10);
    for (const line of ofBatches) expect(line).toMatchObject({ batchId: expect.any(Number), batchLevel: expect.any(Number) });
    for (const line of lines().filter(({ message }) => message === 'waiting for the rate limit')) {
      expect(line).toMatchObject({ batchLevel: 0, batchIds: [expect.any(Number)] });
    }
  });

  test('say what went wrong by name and code', () => {
    const errors = lines().filter(({ message }) => message === 'step failed');
    expect(errors.map(({ error }) => (error as { name: string }).name)).toEqual(
      expect.arrayContaining(['ModelUnavailableError', 'Error', 'InvalidUploadError']),
    );
  });
});

test('the metrics that are told are exactly those that are defined', () => {
  const told = lines()
    .filter(isMetric)
    .flatMap(({ _aws }) => (_aws as { CloudWatchMetrics: { Namespace: string; Metrics: { Name: string }[] }[] }).CloudWatchMetrics);
  expect(new Set(told.map(({ Namespace }) => Namespace))).toEqual(new Set([METRIC_NAMESPACE]));
  expect([...new Set(told.flatMap(({ Metrics }) => Metrics.map(({ Name }) => Name)))].sort()).toEqual([...metricNames].sort());
});
