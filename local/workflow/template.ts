import { compileExpression, type Expression, isExpression, type Scope } from './expression.ts';
import { isJsonObject, type Json } from './json.ts';
import { StateError, stateErrors } from './state-error.ts';

/** A field's value with the JSONata strings in it, at any depth, ready to be evaluated. */
export type Template = (scope: Scope) => Json | Promise<Json>;

/** Compiles the value of one field; `onExpression` sees every expression in it, for the checks that need the whole workflow. */
export function compileTemplate(value: Json, at: string, onExpression: (expression: Expression, at: string) => void): Template {
  if (isExpression(value)) {
    const expression = compileExpression(value, at);
    onExpression(expression, at);
    return expression.evaluate;
  }
  if (Array.isArray(value)) {
    const items = value.map((item, index) => compileTemplate(item, `${at}[${index}]`, onExpression));
    return hasExpression(value) ? async (scope) => Promise.all(items.map((item) => item(scope))) : () => value;
  }
  if (isJsonObject(value)) {
    const members = Object.entries(value).map(([name, member]) => [name, compileTemplate(member, `${at}.${name}`, onExpression)] as const);
    return hasExpression(value) ? (scope) => evaluateMembers(members, scope) : () => value;
  }
  return () => value;
}

/** The number that a field evaluates to. @throws StateError States.QueryEvaluationError: it is not a number of the kind that the field takes. */
export async function evaluateNumber(template: Template, scope: Scope, at: string, { min, max, whole }: NumberRange): Promise<number> {
  const value = await template(scope);
  if (typeof value === 'number' && value >= min && value <= max && (!whole || Number.isInteger(value))) return value;
  const kind = `${whole ? 'a whole number' : 'a number'} from ${min} to ${max}`;
  throw new StateError(stateErrors.queryEvaluationError, `${at} must be ${kind}, not ${JSON.stringify(value)}`);
}

export interface NumberRange {
  min: number;
  max: number;
  whole: boolean;
}

/** The text that a field evaluates to. @throws StateError States.QueryEvaluationError: it is not text. */
export async function evaluateText(template: Template, scope: Scope, at: string): Promise<string> {
  const value = await template(scope);
  if (typeof value === 'string') return value;
  throw new StateError(stateErrors.queryEvaluationError, `${at} must be text, not ${JSON.stringify(value)}`);
}

async function evaluateMembers(members: readonly (readonly [string, Template])[], scope: Scope): Promise<Json> {
  const result: { [member: string]: Json } = {};
  for (const [name, member] of members) result[name] = await member(scope);
  return result;
}

function hasExpression(value: Json): boolean {
  if (typeof value === 'string') return isExpression(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(hasExpression);
}
