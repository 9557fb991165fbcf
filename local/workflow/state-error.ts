/** The errors that Step Functions itself reports. Source: "Error names", concepts-error-handling.html. */
export const stateErrors = {
  all: 'States.ALL',
  dataLimitExceeded: 'States.DataLimitExceeded',
  exceedToleratedFailureThreshold: 'States.ExceedToleratedFailureThreshold',
  itemReaderFailed: 'States.ItemReaderFailed',
  noChoiceMatched: 'States.NoChoiceMatched',
  permissions: 'States.Permissions',
  queryEvaluationError: 'States.QueryEvaluationError',
  resultWriterFailed: 'States.ResultWriterFailed',
  runtime: 'States.Runtime',
  taskFailed: 'States.TaskFailed',
  timeout: 'States.Timeout',
} as const;

export type ErrorOutput = { Error?: string; Cause?: string };

/** What ends a state unless it is retried or caught. `errorName` is what ErrorEquals is compared with; a Fail state may have none. */
export class StateError extends Error {
  override readonly name = 'StateError';
  readonly errorName: string | undefined;
  readonly errorCause: string | undefined;

  constructor(errorName: string | undefined, errorCause?: string, options?: ErrorOptions) {
    super(`${errorName ?? 'no error name'}: ${errorCause ?? 'no cause'}`, options);
    this.errorName = errorName;
    this.errorCause = errorCause;
  }

  /** The value of `$states.errorOutput`. */
  get output(): ErrorOutput {
    return {
      ...(this.errorName === undefined ? {} : { Error: this.errorName }),
      ...(this.errorCause === undefined ? {} : { Cause: this.errorCause }),
    };
  }
}

/**
 * Whether a retrier or catcher with these names takes the error. `States.Runtime` always ends the execution;
 * `States.DataLimitExceeded` is taken by its own name only.
 */
export function matchesError(errorEquals: readonly string[], errorName: string | undefined): boolean {
  if (errorName === undefined || errorName === stateErrors.runtime) return false;
  if (errorEquals.includes(errorName)) return true;
  if (errorName === stateErrors.dataLimitExceeded) return false;
  if (errorEquals.includes(stateErrors.all)) return true;
  return errorEquals.includes(stateErrors.taskFailed) && errorName !== stateErrors.timeout;
}

export function messageOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
  return String(error);
}
