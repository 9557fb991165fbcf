import { createS3Client, s3ObjectStore } from '../../functions/shared/adapters/s3-object-store.ts';
import { type Run, runSchema } from '../../functions/shared/contract.ts';
import type { ObjectStore } from '../../functions/shared/ports.ts';
import { stackOutputs } from '../../infra/stack-outputs.ts';
import { runLocally } from '../../local/local-run.ts';
import type { ChatRequest } from '../../local/model-server/completion.ts';
import { startModelServer } from '../../local/model-server/model-server.ts';
import { RunMeter } from '../../local/run-meter.ts';
import { startAwsServer } from '../fakes/aws-server.ts';
import { executionArn, STATE_MACHINE } from '../fakes/execution-event.ts';
import { startS3Server } from '../fakes/s3-server/server.ts';
import { callProgram } from './in-process.ts';
import { type Ended, newFolder, reviewsCsv } from './program.ts';

export const KEY = 'support/july.csv';

/** What a command printed with --json. */
export function json({ code, stdout, stderr }: Ended) {
  if (code !== 0) throw new Error(`It ended with ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

/** What a command was refused with. */
export function refused({ code, stdout, stderr }: Ended): string {
  if (code !== 2 || stdout !== '') throw new Error(`It ended with ${code}: ${stdout}${stderr}`);
  return stderr;
}

/** A deployed stack `hundredfold` on this machine: its buckets, outputs and executions behind AWS's protocols, and the model that it asks. */
export async function startFakeStack({ isResultsVersioned = false } = {}) {
  const failing = new Set<number>();
  const batchOf = (request: ChatRequest) => Math.floor(Number(/Review (\d+)/.exec(request.messages[1]!.content as string)?.[1]) / 10);
  const model = await startModelServer({
    faults: (_, request) => (failing.has(batchOf(request)) ? { kind: 'status', status: 400 } : undefined),
  });

  const s3 = await startS3Server({
    buckets: { 'in-put': { isVersioned: true }, work: { isVersioned: false }, results: { isVersioned: isResultsVersioned } },
  });
  const aws = await startAwsServer();
  const client = createS3Client(s3.clientConfig);
  const store = (bucket: string): ObjectStore => s3ObjectStore(client, bucket);
  const stores = { input: store('in-put'), work: store('work'), results: store('results') };
  const outputs = {
    [stackOutputs.inputBucket]: 'in-put',
    [stackOutputs.workBucket]: 'work',
    [stackOutputs.resultsBucket]: 'results',
    [stackOutputs.stateMachine]: STATE_MACHINE,
    [stackOutputs.endpoint]: model.baseUrl,
    [stackOutputs.deployment]: '{"settings":{},"maxCostUsdPerDay":null}',
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
  async function work(name: string) {
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

  const command = (...args: string[]) => callProgram(args, { env });
  return {
    endpoint: model.baseUrl,
    /** From now on the model refuses the batches of ten rows with these numbers, and no others. */
    failBatches(...batches: number[]) {
      failing.clear();
      for (const batch of batches) failing.add(batch);
    },
    /** Puts reviews and their dataset's settings into the input bucket; nobody is told. */
    async drop(settings: Record<string, unknown> = { batchRows: 10 }, key = KEY, rows = 45) {
      await stores.input.put('support/_hundredfold.json', JSON.stringify(settings));
      await stores.input.put(key, reviewsCsv(rows));
    },
    submit: async (key = KEY) => String(json(await command('submit', `s3://in-put/${key}`, '--json')).run_id),
    redrive: (...args: string[]) => command('redrive', ...args, '--stack'),
    command,
    /** The same without a process of its own: work that finds the stack by the environment. */
    async inProcess<Result>(work: () => Promise<Result>): Promise<Result> {
      const outside = Object.fromEntries(Object.keys(env).map((name) => [name, process.env[name]]));
      Object.assign(process.env, env);
      try {
        return await work();
      } finally {
        for (const [name, value] of Object.entries(outside)) {
          if (value === undefined) delete process.env[name];
          else process.env[name] = value;
        }
      }
    },
    ...{ aws, s3, stores, env, started, work, outputs },
    end: (name: string, status: string) => {
      aws.executions.get(executionArn(name))!.status = status;
    },
    async close() {
      client.destroy();
      await Promise.all([s3.close(), aws.close(), model.close()]);
    },
  };
}
export type FakeStack = Awaited<ReturnType<typeof startFakeStack>>;
