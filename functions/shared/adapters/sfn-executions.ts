import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { Executions } from '../../accept-upload/accept-upload.ts';

/** Executions of one state machine. An execution's ARN follows from its name. */
export function sfnExecutions(stateMachineArn: string, client = new SFNClient()): Executions {
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
  };
}
