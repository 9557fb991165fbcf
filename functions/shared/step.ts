import * as z from 'zod';
import { type StepName, stepContracts } from './contract.ts';
import { PipelineError } from './errors.ts';

export type StepInput<Name extends StepName> = z.infer<(typeof stepContracts)[Name]['input']>;
export type StepOutput<Name extends StepName> = z.infer<(typeof stepContracts)[Name]['output']>;

/**
 * Runs a step between its two schemas: what enters and what leaves is checked wherever the step runs.
 * @throws ZodError: the payload breaks the contract.
 */
export async function runStep<Name extends StepName>(
  name: Name,
  payload: unknown,
  work: (input: StepInput<Name>) => Promise<StepOutput<Name>>,
): Promise<StepOutput<Name>> {
  const { input, output } = stepContracts[name];
  const parsed = input.parse(payload) as StepInput<Name>;
  return output.parse(await work(parsed)) as StepOutput<Name>;
}

/**
 * The error as it may leave a step: name and code only. Messages may carry customers' words, and Step Functions keeps what a step throws
 * in its history for 90 days.
 */
export function withoutWords(error: unknown): Error {
  const code = error instanceof PipelineError ? (error.code ?? '') : '';
  const bare = new Error(code);
  bare.name = error instanceof z.ZodError ? 'ContractError' : error instanceof Error ? error.name : 'UnknownError';
  bare.stack = `${bare.name}: ${code}`;
  return bare;
}

/** The places in the code that an error came through, without its message, whose lines may look like places. */
export const framesOf = (error: unknown): string[] =>
  error instanceof Error
    ? (error.stack ?? '')
        .replace(error.message, '')
        .split('\n')
        .filter((line) => line.startsWith('    at '))
        .slice(0, 8)
        .map((line) => line.trim())
    : [];
