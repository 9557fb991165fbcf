import type { StepName } from '../functions/shared/contract.ts';
import { errorNames } from '../functions/shared/errors.ts';

/** What the definition must know of the world: the function behind each step, by name or ARN, and the work bucket. */
export interface WorkflowResources {
  functions: Record<StepName, string>;
  workBucket: string;
  /** AWS partition of the integrations' ARNs. @default 'aws' */
  partition?: string;
}

export const stateNames = {
  begin: 'BeginRun',
  plan: 'plan-batches',
  next: 'ChooseNext',
  summarizeAll: 'SummarizeBatches',
  summarize: 'summarize-batch',
  more: 'ChooseMore',
  wait: 'WaitForRate',
  recordFailure: 'RecordFailure',
  writeAll: 'WriteTables',
  write: 'write-tables',
  finish: 'finish-run',
  outcome: 'ChooseOutcome',
  failed: 'RunFailed',
  done: 'RunEnded',
  childDone: 'BatchesDone',
} as const;

/** Error of an execution whose run ended `failed` by finish-run's own verdict. */
export const RUN_FAILED = 'RunFailed';

/** Longest that a run may take. Workers of a run under tight rate limits wait for hours; a week means that it hangs. */
const RUN_TIMEOUT_SECONDS = 7 * 24 * 3600;

/** Errors that another try cannot change. */
const permanentErrors = [
  errorNames.config,
  errorNames.invalidUpload,
  errorNames.invalidBatch,
  errorNames.resultConflict,
  errorNames.ledger,
];

/** No retry for what stays wrong, `attempts` with full jitter for all else: throttled or crashed functions, S3 hiccups, a model that is down. */
const retry = (attempts: number) => [
  { ErrorEquals: permanentErrors, MaxAttempts: 0 },
  {
    ErrorEquals: ['States.ALL'],
    IntervalSeconds: 1,
    BackoffRate: 2,
    MaxDelaySeconds: 60,
    MaxAttempts: attempts,
    JitterStrategy: 'FULL',
  },
];

/**
 * A map is tried again only where S3 kept it from reading its manifest or writing its results: that starts every child again, and each child
 * finds what was done before.
 */
const retryOfMap = [
  {
    ErrorEquals: ['States.ItemReaderFailed', 'States.ResultWriterFailed'],
    IntervalSeconds: 5,
    BackoffRate: 2,
    MaxAttempts: 3,
    JitterStrategy: 'FULL',
  },
];

/** Model trouble lasts minutes: eight tries spread over one to four. */
const MODEL_ATTEMPTS = 8;
/** Everything else is AWS itself, which recovers in seconds. */
const STEP_ATTEMPTS = 5;

/**
 * The Amazon States Language object of the whole workflow, in JSONata. CDK deploys what this returns and the local engine
 * runs what this returns. Variables of the parent: `run` (the execution's input, with the settings that the plan froze),
 * `level`, `continueWithPart`, `stopReason`, `failure`. Children of a distributed map cannot see them and get `run` in their input.
 */
export function workflowDefinition({ functions, workBucket, partition = 'aws' }: WorkflowResources) {
  const invoke = (step: StepName, payload: Record<string, unknown>) => ({
    Type: 'Task',
    Resource: `arn:${partition}:states:::lambda:invoke`,
    Arguments: { FunctionName: functions[step], Payload: payload },
  });
  const finishOnError = [
    { ErrorEquals: ['States.ALL'], Assign: { failure: '{% $states.errorOutput.Error %}' }, Output: {}, Next: stateNames.finish },
  ];
  const readLines = (location: string) => ({
    Resource: `arn:${partition}:states:::s3:getObject`,
    ReaderConfig: { InputType: 'JSONL' },
    Arguments: { Bucket: `{% $states.input.${location}.bucket %}`, Key: `{% $states.input.${location}.key %}` },
  });
  const writeResults = (state: string) => ({
    Resource: `arn:${partition}:states:::s3:putObject`,
    WriterConfig: { OutputType: 'JSONL', Transformation: 'COMPACT' },
    Arguments: { Bucket: workBucket, Prefix: `{% 'runs/' & $run.runId & '/children/${state}' %}` },
  });
  const distributed = { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' };

  return {
    Comment: 'Summarizes one upload: plan, summarize level by level, write the tables, finish.',
    QueryLanguage: 'JSONata',
    TimeoutSeconds: RUN_TIMEOUT_SECONDS,
    StartAt: stateNames.begin,
    States: {
      [stateNames.begin]: {
        Type: 'Pass',
        Assign: { run: '{% $states.input %}', level: 0, continueWithPart: null, stopReason: null, failure: null },
        Output: {},
        Next: stateNames.plan,
      },
      [stateNames.plan]: {
        ...invoke('plan-batches', { run: '{% $run %}', level: '{% $level %}', continueWithPart: '{% $continueWithPart %}' }),
        Retry: retry(STEP_ATTEMPTS),
        Catch: finishOnError,
        Assign: {
          run: '{% $states.result.Payload.run %}',
          level: '{% $states.result.Payload.level %}',
          continueWithPart: '{% $states.result.Payload.continueWithPart %}',
          stopReason: '{% $states.result.Payload.stopReason %}',
        },
        Output: '{% $states.result.Payload %}',
        Next: stateNames.next,
      },
      [stateNames.next]: {
        Type: 'Choice',
        Choices: [
          { Condition: "{% $states.input.next = 'plan' %}", Next: stateNames.plan },
          { Condition: "{% $states.input.next = 'summarize' %}", Next: stateNames.summarizeAll },
          { Condition: "{% $states.input.next = 'finish' %}", Next: stateNames.finish },
        ],
        Default: stateNames.writeAll,
      },
      [stateNames.summarizeAll]: {
        Type: 'Map',
        Label: stateNames.summarizeAll,
        ItemReader: readLines('manifest'),
        ItemBatcher: { MaxItemsPerBatch: '{% $states.input.batchesPerFunction %}', BatchInput: { run: '{% $run %}' } },
        MaxConcurrency: '{% $states.input.maxConcurrency %}',
        // Failures are data: a child that fails leaves its batches without an outcome, which write-tables records as failed.
        ToleratedFailurePercentage: 100,
        ItemProcessor: {
          ProcessorConfig: distributed,
          StartAt: stateNames.summarize,
          States: {
            [stateNames.summarize]: {
              ...invoke('summarize-batch', {
                run: '{% $states.input.BatchInput.run %}',
                batches: '{% $states.input.Items %}',
                retryCount: '{% $states.context.State.RetryCount %}',
                hasWaited: '{% $exists($states.input.waitSeconds) %}',
                failure: null,
              }),
              Retry: retry(MODEL_ATTEMPTS),
              Catch: [
                {
                  ErrorEquals: ['States.ALL'],
                  Output: {
                    BatchInput: '{% $states.input.BatchInput %}',
                    Items: '{% $states.input.Items %}',
                    failure: '{% $states.errorOutput.Error %}',
                  },
                  Next: stateNames.recordFailure,
                },
              ],
              Output: {
                BatchInput: '{% $states.input.BatchInput %}',
                Items: '{% $states.result.Payload.remaining %}',
                waitSeconds: '{% $states.result.Payload.waitSeconds %}',
              },
              Next: stateNames.more,
            },
            [stateNames.more]: {
              Type: 'Choice',
              Choices: [{ Condition: '{% $count($states.input.Items) > 0 %}', Next: stateNames.wait }],
              Default: stateNames.childDone,
            },
            [stateNames.wait]: {
              Type: 'Wait',
              Seconds: '{% $states.input.waitSeconds %}',
              Next: stateNames.summarize,
            },
            [stateNames.recordFailure]: {
              ...invoke('summarize-batch', {
                run: '{% $states.input.BatchInput.run %}',
                batches: '{% $states.input.Items %}',
                retryCount: MODEL_ATTEMPTS,
                hasWaited: false,
                failure: '{% $states.input.failure %}',
              }),
              Retry: retry(STEP_ATTEMPTS),
              Output: {},
              End: true,
            },
            [stateNames.childDone]: { Type: 'Pass', Output: {}, End: true },
          },
        },
        ResultWriter: writeResults(stateNames.summarizeAll),
        Retry: retryOfMap,
        Catch: finishOnError,
        Assign: { level: '{% $level + 1 %}', continueWithPart: null },
        Output: {},
        Next: stateNames.plan,
      },
      [stateNames.writeAll]: {
        Type: 'Map',
        Label: stateNames.writeAll,
        ItemReader: readLines('parts'),
        ItemSelector: { run: '{% $run %}', part: '{% $states.context.Map.Item.Value.part %}', stopReason: '{% $stopReason %}' },
        MaxConcurrency: 100,
        ItemProcessor: {
          ProcessorConfig: distributed,
          StartAt: stateNames.write,
          States: {
            [stateNames.write]: {
              ...invoke('write-tables', {
                run: '{% $states.input.run %}',
                part: '{% $states.input.part %}',
                stopReason: '{% $states.input.stopReason %}',
              }),
              Retry: retry(STEP_ATTEMPTS),
              Output: '{% $states.result.Payload %}',
              End: true,
            },
          },
        },
        ResultWriter: writeResults(stateNames.writeAll),
        Retry: retryOfMap,
        Catch: finishOnError,
        Output: {},
        Next: stateNames.finish,
      },
      [stateNames.finish]: {
        ...invoke('finish-run', { run: '{% $run %}', stopReason: '{% $stopReason %}', failure: '{% $failure %}' }),
        Retry: retry(STEP_ATTEMPTS),
        Output: '{% $states.result.Payload %}',
        Next: stateNames.outcome,
      },
      [stateNames.outcome]: {
        Type: 'Choice',
        Choices: [{ Condition: "{% $states.input.status = 'failed' %}", Next: stateNames.failed }],
        Default: stateNames.done,
      },
      [stateNames.failed]: {
        Type: 'Fail',
        Error: RUN_FAILED,
        Cause: "{% 'See stop_reason of the run in the table runs: ' & $states.input.runId %}",
      },
      [stateNames.done]: { Type: 'Succeed' },
    },
  };
}
