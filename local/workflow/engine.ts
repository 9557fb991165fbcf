import type { Clock, ObjectStore } from '../../functions/shared/ports.ts';
import { Cancellation, CancelledError } from './cancellation.ts';
import { type Execution, type LocalFunction, type StateEvent, timestamp } from './execution.ts';
import type { Json } from './json.ts';
import { runMachine } from './machine.ts';
import { payload } from './payload.ts';
import { StateError, stateErrors } from './state-error.ts';
import type { Workflow } from './workflow.ts';

export interface RunOptions {
  /** The execution's name. */
  name: string;
  /** By the name that a Task's `Arguments.FunctionName` gives. */
  functions: Readonly<Record<string, LocalFunction>>;
  store: (bucket: string) => ObjectStore;
  clock: Clock;
  /** From 0 to below 1, as Math.random. @default Math.random */
  random?: () => number;
  /** Ends the run as ABORTED. Functions under way are sent the signal but not waited for. */
  signal?: AbortSignal;
  /** Its abort ends every Wait and every pause before a retry at once; time limits stay as they are. */
  hurry?: AbortSignal;
  /** Called synchronously at every step of every state. */
  onState?: (event: StateEvent) => void;
}

export interface RunResult {
  status: 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';
  /** Of SUCCEEDED. */
  output?: unknown;
  /** Of FAILED and TIMED_OUT, where the error has a name. */
  error?: string;
  cause?: string;
}

/**
 * Runs one execution to its end. A workflow that fails is a result, not an exception.
 * @throws Error: the workflow calls a function that `functions` lacks, which is found before anything runs.
 */
export async function runWorkflow(workflow: Workflow, input: unknown, options: RunOptions): Promise<RunResult> {
  const missing = [...workflow.functionNames].filter((name) => !Object.hasOwn(options.functions, name));
  if (missing.length > 0) throw new Error(`The workflow calls functions that are not there: ${missing.join(', ')}`);

  const cancellation = new Cancellation();
  const abort = () => cancellation.cancel(new CancelledError('the run was aborted'));
  if (options.signal?.aborted) abort();
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    const execute = () => runExecution(workflow, input, options, cancellation);
    const output = await withinSeconds(workflow.timeoutSeconds, options.clock, cancellation, execute);
    return { status: 'SUCCEEDED', output };
  } catch (error) {
    return failedResult(error, cancellation.reason);
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

/** The workflow's own TimeoutSeconds. No state can catch it, unlike a Task's. */
class ExecutionTimeout extends CancelledError {}

async function withinSeconds<T>(seconds: number | undefined, clock: Clock, cancellation: Cancellation, work: () => Promise<T>): Promise<T> {
  if (seconds === undefined) return work();
  const timer = new Cancellation();
  clock.sleep(seconds, timer.signal).then(
    () => cancellation.cancel(new ExecutionTimeout(`the execution took more than ${seconds} s`)),
    () => undefined,
  );
  try {
    return await work();
  } finally {
    timer.cancel(new CancelledError('finished in time'));
  }
}

async function runExecution(workflow: Workflow, input: unknown, options: RunOptions, cancellation: Cancellation): Promise<Json> {
  const { name, functions, store, clock, random = Math.random, hurry, onState = () => undefined } = options;
  const firstInput = payload(input, 'the input of the execution');
  const execution: Execution = {
    environment: { functions, store, clock, random, hurry, onState },
    cancellation,
    depth: 'parent',
    context: {
      Execution: {
        Id: `arn:aws:states:local:000000000000:execution:workflow:${name}`,
        Input: firstInput,
        Name: name,
        RoleArn: 'arn:aws:iam::000000000000:role/local',
        StartTime: timestamp(clock),
      },
      StateMachine: { Id: 'arn:aws:states:local:000000000000:stateMachine:workflow', Name: 'workflow' },
    },
  };
  return runMachine(workflow.machine, firstInput, execution);
}

function failedResult(error: unknown, stopped: Error | undefined): RunResult {
  if (error instanceof CancelledError && stopped) {
    if (!(stopped instanceof ExecutionTimeout)) return { status: 'ABORTED' };
    return { status: 'TIMED_OUT', error: stateErrors.timeout, cause: stopped.message };
  }
  if (!(error instanceof StateError)) throw error;
  return {
    status: 'FAILED',
    ...(error.errorName === undefined ? {} : { error: error.errorName }),
    ...(error.errorCause === undefined ? {} : { cause: error.errorCause }),
  };
}
