import { type Execution, scopeOf, type Visit } from './execution.ts';
import type { Scope } from './expression.ts';
import type { Json } from './json.ts';
import { payload } from './payload.ts';
import { StateError, stateErrors } from './state-error.ts';
import { evaluateNumber, evaluateText } from './template.ts';
import type { TaskState } from './workflow.ts';

/**
 * The value of `$states.result` after one call of a Task's function.
 * @throws StateError: as the function failed, States.Timeout, or one of its payloads is no JSON or too long.
 */
export async function runTask(state: TaskState, visit: Visit, retryCount: number): Promise<Json> {
  const scope = scopeOf(visit, state.name, retryCount);
  const functionName = await evaluateText(state.functionName, scope, `state "${state.name}": field "Arguments.FunctionName"`);
  const sent = payload(await state.payload(scope), `the payload of state "${state.name}"`);
  const result = await callWithin(state, scope, visit.execution, (signal) => {
    return callFunction(functionName, sent, visit.execution, { signal, retryCount });
  });
  // A function that returns nothing answers with `null`.
  return payload({ Payload: result ?? null, StatusCode: 200, ExecutedVersion: '$LATEST' }, `the result of state "${state.name}"`);
}

async function callWithin<T>(
  state: TaskState,
  scope: Scope,
  { cancellation, environment }: Execution,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (state.timeoutSeconds === undefined) return cancellation.run(call);
  const range = { min: 1, max: 99_999_999, whole: true };
  const seconds = await evaluateNumber(state.timeoutSeconds, scope, `state "${state.name}": field "TimeoutSeconds"`, range);
  const timeout = new StateError(stateErrors.timeout, `state "${state.name}" took more than ${seconds} s`);
  return cancellation.runWithin(seconds, timeout, environment.clock, call);
}

async function callFunction(
  functionName: string,
  sent: Json,
  { environment: { functions } }: Execution,
  context: { signal: AbortSignal; retryCount: number },
): Promise<unknown> {
  const called = Object.hasOwn(functions, functionName) ? functions[functionName] : undefined;
  if (called === undefined) throw new StateError('Lambda.ResourceNotFoundException', `Function not found: ${functionName}`);
  try {
    return await called(sent, context);
  } catch (cause) {
    const errorType = cause instanceof Error ? cause.name : typeof cause;
    const errorMessage = cause instanceof Error ? cause.message : String(cause);
    throw new StateError(errorType, JSON.stringify({ errorType, errorMessage }), { cause });
  }
}
