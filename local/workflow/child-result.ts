import { STATE_PAYLOAD_BYTES } from '../../functions/shared/limits.ts';
import type { Json } from './json.ts';
import { checkPayloadBytes, payloadBytes } from './payload.ts';
import type { ErrorOutput } from './state-error.ts';

/** What became of one child of a Map. */
export interface ChildResult {
  /** Of the child among its siblings, from 0. */
  index: number;
  executionArn: string;
  stateMachineArn: string;
  name: string;
  input: Json;
  startDate: string;
  stopDate: string;
  outcome: { status: 'SUCCEEDED'; output: Json } | ({ status: 'FAILED' } & ErrorOutput);
}

/** Takes each child's result as it comes. */
export interface ResultSink {
  add(result: ChildResult): Promise<void>;
  /** The Map's result. Called once, after the last `add`. */
  finish(): Promise<Json>;
  /** Gives up what is half written. */
  abandon(): Promise<void>;
}

/** The child as Step Functions describes it where its result is not transformed, or where it failed. */
export function describeChild({ outcome, ...child }: ChildResult): Json {
  const { status, ...error } = outcome;
  return {
    ExecutionArn: child.executionArn,
    Input: JSON.stringify(child.input),
    InputDetails: { Included: true },
    Name: child.name,
    ...('output' in error ? { Output: JSON.stringify(error.output), OutputDetails: { Included: true } } : error),
    StartDate: child.startDate,
    StateMachineArn: child.stateMachineArn,
    Status: status,
    StopDate: child.stopDate,
  };
}

/** The result of a Map without ResultWriter: the children's outputs in item order. A result that cannot pass the limit any more is not kept. */
export class ResultList implements ResultSink {
  readonly #what: string;
  #results: Json[] = [];
  #bytes = 1;

  constructor(what: string) {
    this.#what = what;
  }

  async add(result: ChildResult): Promise<void> {
    const value = result.outcome.status === 'SUCCEEDED' ? result.outcome.output : describeChild(result);
    this.#bytes += payloadBytes(JSON.stringify(value)) + 1;
    if (this.#bytes > STATE_PAYLOAD_BYTES) this.#results = [];
    else this.#results[result.index] = value;
  }

  async finish(): Promise<Json> {
    checkPayloadBytes(this.#bytes, this.#what);
    return this.#results;
  }

  async abandon(): Promise<void> {}
}
