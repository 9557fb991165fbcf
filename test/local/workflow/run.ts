import { loadWorkflow } from '../../../local/workflow/definition.ts';
import { type RunOptions, type RunResult, runWorkflow } from '../../../local/workflow/engine.ts';
import { FakeClock } from './fake-clock.ts';

const noStore = () => {
  throw new Error('This workflow reads no store');
};

/** A definition around these states that starts at the first one. */
export function machine(states: Record<string, unknown>): Record<string, unknown> {
  return { QueryLanguage: 'JSONata', StartAt: Object.keys(states)[0], States: states };
}

/** Runs these states to the end; without other options time jumps and there are no functions. */
export function run(states: Record<string, unknown>, input: unknown = {}, options: Partial<RunOptions> = {}): Promise<RunResult> {
  const clock = new FakeClock({ jumps: true });
  return runWorkflow(loadWorkflow(machine(states)), input, { name: 'run-1', functions: {}, store: noStore, clock, ...options });
}

/** A state that ends with its input as its output. */
export const pass = { Type: 'Pass', End: true };

/** A Task that calls the function `work` with the state's input. */
export function task(fields: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke',
    Arguments: { FunctionName: 'work', Payload: '{% $states.input %}' },
    ...('Next' in fields ? {} : { End: true }),
    ...fields,
  };
}

/** A Map over the object `items.jsonl` whose children run these states. */
export function map(
  fields: Record<string, unknown> = {},
  childStates: Record<string, unknown> = { Work: workState },
): Record<string, unknown> {
  return {
    Type: 'Map',
    ItemReader: {
      Resource: 'arn:aws:states:::s3:getObject',
      ReaderConfig: { InputType: 'JSONL' },
      Arguments: { Bucket: 'work', Key: 'items.jsonl' },
    },
    ItemProcessor: {
      ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
      StartAt: Object.keys(childStates)[0],
      States: childStates,
    },
    ...('Next' in fields ? {} : { End: true }),
    ...fields,
  };
}

const workState = task({ Output: '{% $states.result.Payload %}' });

/** An error whose name is what Retry and Catch compare. */
export function namedError(name: string, message = 'it broke'): Error {
  return Object.assign(new Error(message), { name });
}

/** A promise to be settled by the test. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  const { promise, resolve } = Promise.withResolvers<T>();
  return { promise, resolve };
}

/** Lets everything run that waits for nothing but other promises. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
