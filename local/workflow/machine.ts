import { type Execution, scopeOf, timestamp, type Visit } from './execution.ts';
import type { Scope } from './expression.ts';
import type { Json } from './json.ts';
import { runMap } from './map-run.ts';
import { payload } from './payload.ts';
import { RetryBudget } from './retry.ts';
import { matchesError, StateError, stateErrors } from './state-error.ts';
import { runTask } from './task.ts';
import { evaluateNumber, evaluateText } from './template.ts';
import type { ChoiceState, Effects, FailState, Machine, MapState, State, TaskState, WaitState } from './workflow.ts';

/** How a state was left. `next` undefined: the execution has succeeded. */
interface Exit {
  output: Json;
  assigned: { [variable: string]: Json } | undefined;
  next: string | undefined;
}

/**
 * The output of the state that ends the execution.
 * @throws StateError: a state failed and nothing caught it. CancelledError: the execution was stopped from outside.
 */
export async function runMachine(machine: Machine, input: Json, execution: Execution): Promise<Json> {
  const { onState, clock } = execution.environment;
  const { depth } = execution;
  let variables: Record<string, Json> = {};
  let current = input;
  let next: string | undefined = machine.startAt;
  while (next !== undefined) {
    execution.cancellation.throwIfCancelled();
    const state = machine.states.get(next);
    if (state === undefined) throw new TypeError(`No state ${next}: the definition was not loaded by loadWorkflow`);
    onState({ type: 'entered', state: state.name, depth });
    let exit: Exit;
    try {
      exit = await runState(state, { execution, input: current, variables, enteredTime: timestamp(clock) });
    } catch (error) {
      if (error instanceof StateError) onState({ type: 'failed', state: state.name, depth, ...errorField(error) });
      throw error;
    }
    onState({ type: 'exited', state: state.name, depth, output: exit.output });
    if (exit.assigned) variables = { ...variables, ...exit.assigned };
    current = exit.output;
    next = exit.next;
  }
  return current;
}

function runState(state: State, visit: Visit): Promise<Exit> {
  switch (state.type) {
    case 'Pass':
      return leave(state.name, state.effects, visit.input, scopeOf(visit, state.name), state.next);
    case 'Succeed':
      return leave(state.name, state.effects, visit.input, scopeOf(visit, state.name), undefined);
    case 'Wait':
      return wait(state, visit);
    case 'Choice':
      return choose(state, visit);
    case 'Fail':
      return fail(state, visit);
    case 'Task':
    case 'Map':
      return runRecovering(state, visit);
  }
}

/** Output and Assign are both evaluated against the old variables. */
async function leave(name: string, effects: Effects, defaultOutput: Json, scope: Scope, next: string | undefined): Promise<Exit> {
  const output = payload(effects.output ? await effects.output(scope) : defaultOutput, `the output of state "${name}"`);
  const assigned = effects.assign && payload(await effects.assign(scope), `what state "${name}" assigns`);
  return { output, assigned: assigned as Exit['assigned'], next };
}

async function wait(state: WaitState, visit: Visit): Promise<Exit> {
  const scope = scopeOf(visit, state.name);
  const range = { min: 0, max: 99_999_999, whole: true };
  const seconds = await evaluateNumber(state.seconds, scope, `state "${state.name}": field "Seconds"`, range);
  await sleep(seconds, visit.execution);
  return leave(state.name, state.effects, visit.input, scope, state.next);
}

async function choose(state: ChoiceState, visit: Visit): Promise<Exit> {
  const scope = scopeOf(visit, state.name);
  for (const [index, { condition, effects, next }] of state.choices.entries()) {
    const holds = await condition(scope);
    if (typeof holds !== 'boolean') {
      const at = `state "${state.name}": field "Choices[${index}].Condition"`;
      throw new StateError(stateErrors.queryEvaluationError, `${at} must be true or false, not ${JSON.stringify(holds)}`);
    }
    if (holds) return leave(state.name, effects, visit.input, scope, next);
  }
  if (state.defaultNext === undefined) {
    throw new StateError(stateErrors.noChoiceMatched, `state "${state.name}" has no Default and no choice matched`);
  }
  return leave(state.name, state.effects, visit.input, scope, state.defaultNext);
}

async function fail(state: FailState, visit: Visit): Promise<never> {
  const scope = scopeOf(visit, state.name);
  const error = state.error && (await evaluateText(state.error, scope, `state "${state.name}": field "Error"`));
  const cause = state.cause && (await evaluateText(state.cause, scope, `state "${state.name}": field "Cause"`));
  throw new StateError(error, cause);
}

/** A Task or Map with its Retry and, once that gives up, its Catch. A failure of Arguments, Output or Assign counts as the state's own. */
async function runRecovering(state: TaskState | MapState, visit: Visit): Promise<Exit> {
  const { environment, depth } = visit.execution;
  const budget = new RetryBudget(state.retriers, environment.random);
  for (let retryCount = 0; ; retryCount++) {
    try {
      const result = state.type === 'Task' ? await runTask(state, visit, retryCount) : await runMap(state, visit, retryCount, runMachine);
      const scope = scopeOf(visit, state.name, retryCount);
      return await leave(state.name, state.effects, result, { ...scope, states: { ...scope.states, result } }, state.next);
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      const delaySeconds = budget.nextDelaySeconds(error.errorName);
      if (delaySeconds === undefined) return await recover(state, visit, retryCount, error);
      environment.onState({ type: 'retried', state: state.name, depth, ...errorField(error) });
      await sleep(delaySeconds, visit.execution);
    }
  }
}

async function recover(state: TaskState | MapState, visit: Visit, retryCount: number, error: StateError): Promise<Exit> {
  const catcher = state.catchers.find(({ errorEquals }) => matchesError(errorEquals, error.errorName));
  if (catcher === undefined) throw error;
  const { environment, depth } = visit.execution;
  environment.onState({ type: 'caught', state: state.name, depth, ...errorField(error) });
  const scope = scopeOf(visit, state.name, retryCount);
  const states = { ...scope.states, errorOutput: error.output };
  return leave(state.name, catcher.effects, { ...error.output }, { ...scope, states }, catcher.next);
}

function sleep(seconds: number, { cancellation, environment: { clock, hurry } }: Execution): Promise<void> {
  if (hurry === undefined) return cancellation.run((signal) => clock.sleep(seconds, signal));
  return cancellation.run(async (signal) => {
    try {
      await clock.sleep(seconds, AbortSignal.any([signal, hurry]));
    } catch (error) {
      if (signal.aborted || !hurry.aborted) throw error;
    }
  });
}

function errorField({ errorName }: StateError): { error?: string } {
  return errorName === undefined ? {} : { error: errorName };
}
