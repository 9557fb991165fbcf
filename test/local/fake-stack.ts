import { createS3Client, s3ObjectStore } from '../../functions/shared/adapters/s3-object-store.ts';
import { type Run, runSchema } from '../../functions/shared/contract.ts';
import type { ObjectStore } from '../../functions/shared/ports.ts';
import { stackOutputs } from '../../infra/stack-outputs.ts';
import { runLocally } from '../../local/local-run.ts';
import type { ModelServer } from '../../local/model-server/model-server.ts';
import { RunMeter } from '../../local/run-meter.ts';
import { startAwsServer } from '../fakes/aws-server.ts';
import { executionArn, STATE_MACHINE } from '../fakes/execution-event.ts';
import { startS3Server } from '../fakes/s3-server/server.ts';
import { newFolder, runProgram } from './program.ts';

/** A deployed stack `hundredfold` on this machine: its buckets, its outputs and its executions, behind AWS's protocols. */
export async function startFakeStack(endpoint: string) {
  const s3 = await startS3Server({
    buckets: { 'in-put': { isVersioned: true }, work: { isVersioned: false }, results: { isVersioned: false } },
  });
  const aws = await startAwsServer();
  const client = createS3Client(s3.clientConfig);
  const store = (bucket: string): ObjectStore => s3ObjectStore(client, bucket);
  const stores = { input: store('in-put'), work: store('work'), results: store('results') };
  const outputs = {
    [stackOutputs.inputBucket]: 'in-put',
    [stackOutputs.workBucket]: 'work',
    [stackOutputs.stateMachine]: STATE_MACHINE,
    [stackOutputs.endpoint]: endpoint,
    DatabaseName: 'hundredfold',
  };
  aws.stacks.set('hundredfold', outputs);
  const env = {
    ...{ AWS_ENDPOINT_URL_S3: s3.endpoint, AWS_ENDPOINT_URL_SFN: aws.url, AWS_ENDPOINT_URL_CLOUDFORMATION: aws.url },
    ...{ AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'invented' },
    ...{ AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null', AWS_EC2_METADATA_DISABLED: 'true' },
  };

  /** Inputs of the executions that were started, by name. */
  const started = (): Record<string, Run> =>
    Object.fromEntries([...aws.executions].map(([arn, { input }]) => [arn.split(':').at(-1), runSchema.parse(JSON.parse(input))]));

  /** Does the work of an execution that was started, on the stack's buckets, and ends it. */
  async function work(name: string, model: ModelServer) {
    const execution = aws.executions.get(executionArn(name))!;
    const record = await runLocally({
      run: runSchema.parse(JSON.parse(execution.input)),
      out: newFolder(),
      stores,
      model: { endpoint: model.baseUrl, apiKey: 'sk-test-key-of-nobody' },
      concurrency: 4,
      observer: { meter: new RunMeter(), planned() {}, waiting() {}, stepFailed() {}, log: { info() {}, warn() {} } },
    });
    execution.status = 'SUCCEEDED';
    return record;
  }

  return {
    ...{ aws, s3, stores, env, started, work, outputs },
    end: (name: string, status: string) => {
      aws.executions.get(executionArn(name))!.status = status;
    },
    command: (...args: string[]) => runProgram(args, { env }),
    async close() {
      client.destroy();
      await Promise.all([s3.close(), aws.close()]);
    },
  };
}
export type FakeStack = Awaited<ReturnType<typeof startFakeStack>>;
