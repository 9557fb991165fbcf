import { problemsOf, WorkflowDefinitionError } from './definition-problems.ts';
import { isExpression } from './expression.ts';
import { FieldCompiler } from './field-compiler.ts';
import { isJsonObject, type Json } from './json.ts';
import { compileState } from './state-compiler.ts';
import { type StateDefinition, stateSchemas, topLevelSchema } from './states-language.ts';
import type { Machine, State, Workflow } from './workflow.ts';

/**
 * Checks and compiles an Amazon States Language definition in its JSONata form. Any state type or field that the engine
 * does not run is refused here, before anything runs.
 * @throws WorkflowDefinitionError: lists every problem with its state and field.
 */
export function loadWorkflow(definition: unknown): Workflow {
  // What is deployed is the definition's JSON text, so members that are undefined do not exist.
  const source: Json = JSON.parse(JSON.stringify(definition) ?? 'null');
  const problems: string[] = [];
  const parsed = topLevelSchema.safeParse(source);
  if (!parsed.success) problems.push(...problemsOf(parsed.error, 'the workflow'));
  const functionNames = new Set<string>();
  const { StartAt, States } = isJsonObject(source) ? source : {};
  const machine = loadMachine(StartAt, States, { path: [], problems, functionNames });
  if (problems.length > 0) throw new WorkflowDefinitionError(problems);
  return { machine, timeoutSeconds: parsed.data?.TimeoutSeconds, functionNames };
}

interface Loading {
  /** Names of the Map states around the machine. */
  path: readonly string[];
  problems: string[];
  functionNames: Set<string>;
}

function loadMachine(startAt: Json | undefined, definitions: Json | undefined, loading: Loading): Machine {
  const { path, problems } = loading;
  const where = path.length === 0 ? 'the workflow' : `state "${path.join('/')}"`;
  const states = new Map<string, State>();
  const fields = new FieldCompiler(problems);
  const known = isJsonObject(definitions) ? definitions : {};
  for (const [name, definition] of Object.entries(known)) {
    const state = loadState(name, definition, known, fields, loading);
    if (state) states.set(name, state);
  }
  // A state that could not be read may be the one that assigns.
  if (states.size === Object.keys(known).length) fields.reportUnassigned();
  if (typeof startAt === 'string' && !Object.hasOwn(known, startAt)) problems.push(`${where}: field "StartAt": no state "${startAt}"`);
  return { startAt: String(startAt), states };
}

function loadState(
  name: string,
  definition: Json,
  siblings: Readonly<Record<string, Json>>,
  fields: FieldCompiler,
  { path, problems, functionNames }: Loading,
): State | undefined {
  const statePath = [...path, name];
  const where = `state "${statePath.join('/')}"`;
  const type = isJsonObject(definition) ? definition.Type : undefined;
  if (typeof type !== 'string' || !Object.hasOwn(stateSchemas, type)) {
    problems.push(`${where}: Type ${JSON.stringify(type)} is not supported, only ${Object.keys(stateSchemas).join(', ')}`);
    return undefined;
  }
  const at = `${where} (${type})`;
  const parsed = stateSchemas[type as keyof typeof stateSchemas].safeParse(definition);
  if (!parsed.success) {
    problems.push(...problemsOf(parsed.error, at));
    return undefined;
  }
  problems.push(...targetProblems(parsed.data, siblings, at));
  if (parsed.data.Type === 'Task' && !isExpression(parsed.data.Arguments.FunctionName)) {
    functionNames.add(parsed.data.Arguments.FunctionName);
  }
  return compileState(name, parsed.data, at, fields, (processor) =>
    loadMachine(processor.StartAt, processor.States as Json, { path: statePath, problems, functionNames }),
  );
}

function targetProblems(state: StateDefinition, siblings: Readonly<Record<string, Json>>, at: string): string[] {
  const targets: [field: string, target: string | undefined][] = [];
  const problems: string[] = [];
  if (state.Type === 'Choice') {
    targets.push(['Default', state.Default], ...state.Choices.map(({ Next }, i): [string, string] => [`Choices[${i}].Next`, Next]));
  } else if (state.Type !== 'Succeed' && state.Type !== 'Fail') {
    targets.push(['Next', state.Next]);
    if ((state.Next === undefined) === (state.End === undefined)) problems.push(`${at}: needs either Next or "End": true`);
  }
  if ('Catch' in state) targets.push(...state.Catch.map(({ Next }, i): [string, string] => [`Catch[${i}].Next`, Next]));
  for (const [field, target] of targets) {
    if (target !== undefined && !Object.hasOwn(siblings, target)) problems.push(`${at}: field "${field}": no state "${target}"`);
  }
  return problems;
}
