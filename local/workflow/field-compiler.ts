import type { Expression } from './expression.ts';
import type { Json } from './json.ts';
import { messageOf } from './state-error.ts';
import { compileTemplate, type Template } from './template.ts';

/** Which of `$states.result`, `$states.errorOutput` and `$states.context.Map` a field may read besides the input and the context. */
export type Readable = 'result' | 'errorOutput' | 'mapItem';

/** What `$states.context` holds here, by its first two names. */
const contextMembers: Record<string, readonly string[]> = {
  Execution: ['Id', 'Input', 'Name', 'RoleArn', 'StartTime'],
  State: ['EnteredTime', 'Name', 'RetryCount'],
  StateMachine: ['Id', 'Name'],
  Map: ['Item'],
};

/** Compiles the fields of one machine's states and remembers what they refer to, because a variable may be assigned by a later state. */
export class FieldCompiler {
  readonly #problems: string[];
  readonly #assigned = new Set<string>();
  readonly #references: { variable: string; at: string }[] = [];

  constructor(problems: string[]) {
    this.#problems = problems;
  }

  /** @param at state and field, for messages. */
  compile(value: Json, at: string, readable: readonly Readable[] = []): Template {
    try {
      return compileTemplate(value, at, (expression, place) => this.#check(expression, place, readable));
    } catch (error) {
      this.#problems.push(`${at}: ${messageOf(error)}`);
      return () => null;
    }
  }

  assign(value: { [variable: string]: Json } | undefined, at: string, readable: readonly Readable[]): Template | undefined {
    if (value === undefined) return undefined;
    for (const variable of Object.keys(value)) this.#assigned.add(variable);
    return this.compile(value, at, readable);
  }

  /** To be called once all fields of the machine are compiled. Variables of an enclosing machine do not count: a distributed child cannot see them. */
  reportUnassigned(): void {
    for (const { variable, at } of this.#references) {
      if (!this.#assigned.has(variable)) this.#problems.push(`${at}: $${variable} is assigned by no state that runs in the same execution`);
    }
  }

  #check({ names }: Expression, at: string, readable: readonly Readable[]): void {
    for (const variable of names.variables) {
      if (variable === 'eval' || variable === 'random') this.#problems.push(`${at}: $${variable} is not supported`);
      else this.#references.push({ variable, at });
    }
    for (const path of names.statesPaths) {
      if (!isReadable(path, readable)) this.#problems.push(`${at}: $states.${path.join('.')} cannot be read here`);
    }
  }
}

function isReadable([member, first, second]: readonly string[], readable: readonly Readable[]): boolean {
  if (member === 'result' || member === 'errorOutput') return readable.includes(member);
  if (member !== 'context') return member === undefined || member === 'input';
  if (first === undefined) return true;
  if (first === 'Map' && !readable.includes('mapItem')) return false;
  const members = Object.hasOwn(contextMembers, first) ? contextMembers[first] : undefined;
  return members !== undefined && (second === undefined || members.includes(second));
}
