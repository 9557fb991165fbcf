import { jsonataFunctions, stepFunctions } from './builtin-functions.ts';

/** What an expression refers to outside itself. */
export interface ExpressionNames {
  /** Variables, without `$`, that the expression does not bind itself; `states` and built-in functions left out. */
  variables: Set<string>;
  /** Paths below `$states`, as far as they are plain names: `['context', 'Map', 'Item']`. */
  statesPaths: string[][];
}

interface Node {
  type?: string;
  value?: unknown;
  steps?: Node[];
  arguments?: Node[];
  lhs?: unknown;
  focus?: string;
  index?: unknown;
}

/** @param ast of jsonata 2.0.6, which its own types describe only in part. */
export function namesIn(ast: unknown): ExpressionNames {
  const used = new Set<string>();
  const bound = new Set<string>();
  const statesPaths: string[][] = [];
  visit(ast, (node) => {
    if (node.type === 'variable' && typeof node.value === 'string') used.add(node.value);
    if (node.type === 'lambda') for (const argument of node.arguments ?? []) bound.add(String(argument.value));
    if (node.type === 'bind') bound.add(String((node.lhs as Node).value));
    if (typeof node.focus === 'string') bound.add(node.focus);
    if (typeof node.index === 'string') bound.add(node.index);
    if (node.type === 'path' && node.steps?.[0]?.type === 'variable' && node.steps[0].value === 'states') {
      statesPaths.push(leadingNames(node.steps.slice(1)));
    }
  });
  // The empty name is `$`, the name `$` is `$$`: the current and the outermost value, which no state assigns.
  const known = (name: string) => name === '' || name === '$' || name === 'states' || jsonataFunctions.has(name) || stepFunctions.has(name);
  return { variables: new Set([...used].filter((name) => !bound.has(name) && !known(name))), statesPaths };
}

function leadingNames(steps: readonly Node[]): string[] {
  const end = steps.findIndex(({ type }) => type !== 'name');
  return (end === -1 ? steps : steps.slice(0, end)).map(({ value }) => String(value));
}

function visit(value: unknown, onNode: (node: Node) => void): void {
  if (typeof value !== 'object' || value === null || value instanceof RegExp) return;
  if (!Array.isArray(value)) onNode(value);
  for (const inner of Object.values(value)) visit(inner, onNode);
}
