import jsonata from 'jsonata';
import { registerStepFunctions } from './builtin-functions.ts';
import { type ExpressionNames, namesIn } from './expression-names.ts';
import { isJsonObject, type Json } from './json.ts';
import { type ErrorOutput, messageOf, StateError, stateErrors } from './state-error.ts';

export interface ContextObject {
  Execution: { Id: string; Input: Json; Name: string; RoleArn: string; StartTime: string };
  StateMachine: { Id: string; Name: string };
  State?: { EnteredTime: string; Name: string; RetryCount: number };
  /** In a Map's ItemSelector only. */
  Map?: { Item: { Index: number; Value: Json } };
}

/** What an expression sees: `$states` and the variables assigned so far. */
export interface Scope {
  states: { input: Json; context: ContextObject; result?: Json; errorOutput?: ErrorOutput };
  variables: Readonly<Record<string, Json>>;
}

/** A compiled JSONata string. `at` says where it stands: state and field. */
export interface Expression {
  names: ExpressionNames;
  /** @throws StateError States.QueryEvaluationError: it fails, or yields nothing or a function. */
  evaluate(scope: Scope): Json | Promise<Json>;
}

export function isExpression(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith('{%') && value.endsWith('%}') && value.length >= 4;
}

/** @throws Error: a syntax error, with its position. */
export function compileExpression(source: string, at: string): Expression {
  const text = source.slice(2, -2).trim();
  const compiled = parse(text);
  const path = plainPath(compiled.ast() as PathNode);

  const evaluateFully = async ({ states, variables }: Scope): Promise<Json> => {
    let value: unknown;
    try {
      value = await compiled.evaluate(undefined, { ...variables, states });
    } catch (cause) {
      throw new StateError(stateErrors.queryEvaluationError, `${at}: the expression "${text}" failed: ${messageOf(cause)}`, { cause });
    }
    return checkedValue(value, text, at);
  };

  return {
    names: namesIn(compiled.ast()),
    evaluate(scope) {
      // Most expressions are a plain path; looking it up spares the evaluator's promises, which cost 10 times as much.
      const value = path && lookUp(path, scope);
      return value === undefined ? evaluateFully(scope) : value;
    },
  };
}

function parse(text: string): jsonata.Expression {
  let compiled: jsonata.Expression;
  try {
    compiled = jsonata(text);
  } catch (cause) {
    const position = typeof cause === 'object' && cause !== null && 'position' in cause ? ` at character ${cause.position}` : '';
    throw new Error(`the expression "${text}" is not JSONata: ${messageOf(cause)}${position}`, { cause });
  }
  registerStepFunctions(compiled);
  return compiled;
}

function checkedValue(value: unknown, text: string, at: string): Json {
  if (value === undefined) {
    throw new StateError(stateErrors.queryEvaluationError, `${at}: the expression "${text}" returned nothing (undefined)`);
  }
  if (typeof value === 'function' || (isJsonObject(value) && ('_jsonata_function' in value || '_jsonata_lambda' in value))) {
    throw new StateError(stateErrors.queryEvaluationError, `${at}: the expression "${text}" returned a function`);
  }
  return value as Json;
}

/** As jsonata 2.0.6 builds it; its own types leave paths out. */
interface PathNode {
  type: string;
  value?: unknown;
  steps?: PathNode[];
}

/** `['run']` for `$run`, `['states', 'input', 'a']` for `$states.input.a`; undefined for all that is more than names. */
function plainPath(ast: PathNode): string[] | undefined {
  const steps = ast.type === 'path' ? (ast.steps ?? []) : [ast];
  const isPlain = (node: PathNode) => Object.keys(node).every((key) => ['type', 'value', 'position'].includes(key));
  const [first, ...rest] = steps;
  const onlyNames = first?.type === 'variable' && rest.every(({ type }) => type === 'name') && steps.every(isPlain);
  const isWholePath = ast.type !== 'path' || Object.keys(ast).every((key) => ['type', 'steps'].includes(key));
  return onlyNames && isWholePath ? steps.map(({ value }) => String(value)) : undefined;
}

/** @returns undefined where JSONata would map over an array on the way, or find nothing. */
function lookUp([first, ...rest]: readonly string[], { states, variables }: Scope): Json | undefined {
  let value: unknown = first === 'states' ? states : first !== undefined && Object.hasOwn(variables, first) ? variables[first] : undefined;
  for (const name of rest) {
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value as Json | undefined;
}
