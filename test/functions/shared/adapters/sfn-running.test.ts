import { SFNClient } from '@aws-sdk/client-sfn';
import { expect, test } from '@jest/globals';
import { runningExecutions } from '../../../../functions/shared/adapters/sfn-running.ts';
import { startAwsServer } from '../../../fakes/aws-server.ts';
import { executionArn, STATE_MACHINE } from '../../../fakes/execution-event.ts';

test('all executions that have not ended are listed, page by page, and those of no other state machine', async () => {
  const aws = await startAwsServer();
  const client = new SFNClient({
    endpoint: aws.url,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'invented' },
  });
  for (let run = 1; run <= 5; run++) {
    aws.executions.set(executionArn(`run-${run}`), { input: '{}', status: run === 3 ? 'SUCCEEDED' : 'RUNNING', startDate: run });
  }
  aws.executions.set(executionArn('other-1').replace(':hundredfold', ':hundredfold-dev'), { input: '{}', status: 'RUNNING', startDate: 0 });
  try {
    const found: unknown[] = [];
    for await (const execution of runningExecutions(client, STATE_MACHINE)) found.push(execution);
    expect(found).toEqual([5, 4, 2, 1].map((run) => ({ name: `run-${run}`, startedAt: run * 1000 })));
    expect(aws.calls).toEqual(['ListExecutions', 'ListExecutions']);
  } finally {
    client.destroy();
    await aws.close();
  }
});
