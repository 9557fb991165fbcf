import type { Clock, ObjectStore } from '../../functions/shared/ports.ts';
import type { Cancellation } from './cancellation.ts';
import type { ContextObject, Scope } from './expression.ts';
import type { Json } from './json.ts';

/** A function that Task states call by name. It gets a copy of the payload, and what it returns is copied too. */
export type LocalFunction = (payload: unknown, context: { signal: AbortSignal; retryCount: number }) => Promise<unknown>;

export interface StateEvent {
  type: 'entered' | 'exited' | 'retried' | 'caught' | 'failed';
  state: string;
  depth: 'parent' | 'child';
  /** Of `retried`, `caught` and `failed`. */
  error?: string;
  /** Of `exited`. */
  output?: unknown;
}

/** What all executions of one run share. */
export interface Environment {
  functions: Readonly<Record<string, LocalFunction>>;
  store: (bucket: string) => ObjectStore;
  clock: Clock;
  random: () => number;
  hurry: AbortSignal | undefined;
  onState: (event: StateEvent) => void;
}

/** One walk through a machine's states: the workflow itself, or one child of a Map. */
export interface Execution {
  environment: Environment;
  cancellation: Cancellation;
  depth: 'parent' | 'child';
  context: ContextObject;
}

/** A visit to one state. */
export interface Visit {
  execution: Execution;
  input: Json;
  variables: Readonly<Record<string, Json>>;
  enteredTime: string;
}

/** `$states` and the variables as a state's expressions see them on its n-th retry. */
export function scopeOf({ execution, input, variables, enteredTime }: Visit, stateName: string, retryCount = 0): Scope {
  const State = { EnteredTime: enteredTime, Name: stateName, RetryCount: retryCount };
  return { states: { input, context: { ...execution.context, State } }, variables };
}

/** ISO 8601 text of the clock's time, as Step Functions writes times. */
export function timestamp(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}
