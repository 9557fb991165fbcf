import { paginateListExecutions, type SFNClient } from '@aws-sdk/client-sfn';
import type { RunningExecution } from '../../watch-runs/watch-runs.ts';

/** Executions of a state machine that have not ended, newest first. Children of its maps are none of them. */
export async function* runningExecutions(client: SFNClient, stateMachineArn: string): AsyncGenerator<RunningExecution> {
  for await (const { executions = [] } of paginateListExecutions(
    { client, pageSize: 1000 },
    { stateMachineArn, statusFilter: 'RUNNING' },
  )) {
    for (const { name = '', startDate } of executions) if (startDate) yield { name, startedAt: startDate.getTime() };
  }
}
