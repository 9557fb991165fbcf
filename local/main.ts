import { ConfigError, PipelineError } from '../functions/shared/errors.ts';
import { exitCodes, USAGE } from './exit-codes.ts';
import { program } from './program.ts';
import { isSystemError, remedyOf } from './system-error.ts';

/** Trouble with AWS, as its SDK names it. */
const isAwsError = (error: unknown) => error instanceof Error && '$metadata' in error;

/** What a person is told of an error: one sentence where it is theirs to mend, the stack only with --verbose. */
function tellError(error: unknown): number {
  if (error instanceof Error && 'exitCode' in error) return error.exitCode === 0 ? 0 : USAGE;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${message || (error as Error).name}\n`);
  const isVerbose = process.argv.includes('--verbose') && error instanceof Error;
  if (isVerbose) process.stderr.write(`${error.stack}\n`);
  if (isSystemError(error)) process.stderr.write(`${remedyOf(error)}\n`);
  else if (!isVerbose && !(error instanceof PipelineError || isAwsError(error)))
    process.stderr.write(
      'This is a defect; --verbose shows where it happened. Nothing that was answered is lost: run the same command again.\n',
    );
  return error instanceof ConfigError ? USAGE : exitCodes.failed;
}

/** Runs one command of the command line to its end. @returns the exit code. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  let code = 0;
  try {
    await program((told) => {
      code = told;
    }).parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    return tellError(error);
  }
}
