import type { Retrier } from './retry.ts';
import type { Template } from './template.ts';

/** A definition that has passed every check, with all its expressions compiled. */
export interface Workflow {
  machine: Machine;
  timeoutSeconds: number | undefined;
  /** Functions that Task states name literally, at every depth. */
  functionNames: ReadonlySet<string>;
}

/** States that run as one execution: the workflow's own, or those of a Map's ItemProcessor. */
export interface Machine {
  startAt: string;
  states: ReadonlyMap<string, State>;
}

/** Output and Assign of a state, a Choice rule or a catcher. */
export interface Effects {
  output: Template | undefined;
  assign: Template | undefined;
}

/** `next` undefined: the execution ends here. */
interface Leaving {
  effects: Effects;
  next: string | undefined;
}

interface Named {
  name: string;
}

export interface PassState extends Named, Leaving {
  type: 'Pass';
}

export interface WaitState extends Named, Leaving {
  type: 'Wait';
  seconds: Template;
}

export interface SucceedState extends Named {
  type: 'Succeed';
  effects: Effects;
}

export interface FailState extends Named {
  type: 'Fail';
  error: Template | undefined;
  cause: Template | undefined;
}

export interface ChoiceState extends Named {
  type: 'Choice';
  choices: readonly { condition: Template; effects: Effects; next: string }[];
  defaultNext: string | undefined;
  /** Apply with Default only. */
  effects: Effects;
}

export interface Catcher {
  errorEquals: readonly string[];
  effects: Effects;
  next: string;
}

interface Recovering {
  retriers: readonly Retrier[];
  catchers: readonly Catcher[];
}

export interface TaskState extends Named, Leaving, Recovering {
  type: 'Task';
  functionName: Template;
  payload: Template;
  timeoutSeconds: Template | undefined;
}

export interface ItemBatcher {
  maxItemsPerBatch: Template | undefined;
  maxInputBytesPerBatch: Template | undefined;
  batchInput: Template | undefined;
}

export interface MapState extends Named, Leaving, Recovering {
  type: 'Map';
  label: string;
  processor: Machine;
  reader: { bucket: Template; key: Template };
  itemSelector: Template | undefined;
  batcher: ItemBatcher | undefined;
  maxConcurrency: Template;
  toleratedFailurePercentage: Template;
  writer: { bucket: Template; prefix: Template; outputType: 'JSON' | 'JSONL'; transformation: 'NONE' | 'COMPACT' | 'FLATTEN' } | undefined;
}

export type State = PassState | WaitState | SucceedState | FailState | ChoiceState | TaskState | MapState;
