import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { Executions } from '../../accept-upload/accept-upload.ts';

/** What Step Functions knows of executions. */
export interface ExecutionStatuses {
  /** `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`; undefined where it was never started, or ended more than 90 days ago. */
  statusOf(arn: string): Promise<string | undefined>;
}

/** Executions of one state machine. An execution's ARN follows from its name. */
export function sfnExecutions(stateMachineArn: string, client = new SFNClient()): Executions & ExecutionStatuses {
  return {
    arnOf: (name) => `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`,
    async start(name, input) {
      try {
        await client.send(new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }));
        return 'started';
      } catch (error) {
        if (error instanceof ExecutionAlreadyExists) return 'exists';
        throw error;
      }
    },
    async statusOf(executionArn) {
      try {
        return (await client.send(new DescribeExecutionCommand({ executionArn }))).status;
      } catch (error) {
        if (error instanceof ExecutionDoesNotExist) return undefined;
        throw error;
      }
    },
  };
}
