import type * as z from 'zod';

/** Thrown when a definition is not one that the engine runs. The message lists every problem, one a line. */
export class WorkflowDefinitionError extends Error {
  override readonly name = 'WorkflowDefinitionError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The workflow cannot be run here:\n${problems.map((problem) => `- ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** One sentence for each thing that a schema found, naming the field. */
export function problemsOf(error: z.ZodError, where: string): string[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => `${where}: field "${fieldName([...issue.path, key])}" is not supported`);
    }
    if (issue.code === 'invalid_key') {
      return issue.issues.map(({ message }) => `${where}: field "${fieldName(issue.path)}": ${message}`);
    }
    const field = issue.path.length === 0 ? '' : ` field "${fieldName(issue.path)}":`;
    return `${where}:${field} ${issue.message}`;
  });
}

function fieldName(path: readonly PropertyKey[]): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`)).join('');
}
