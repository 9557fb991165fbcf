import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { Context } from 'aws-lambda';
import { createS3Client, s3ObjectStore } from '../../functions/shared/adapters/s3-object-store.ts';
import { systemClock } from '../../functions/shared/clock.ts';
import { type Run, runSchema, type StepName, stepContracts } from '../../functions/shared/contract.ts';
import { type FunctionName, functionNames } from '../../infra/step-permissions.ts';
import { workflowDefinition } from '../../infra/workflow.ts';
import { loadWorkflow } from '../../local/workflow/definition.ts';
import { type RunResult, runWorkflow } from '../../local/workflow/engine.ts';
import { executionEvent } from '../fakes/execution-event.ts';
import type { Account } from './account.ts';
import { as } from './recorded-calls.ts';

type Handler = (event: unknown, context: Context) => Promise<unknown>;

/** The caller under which the state machine's own calls are recorded. */
export const WORKFLOW = 'workflow';

const context = (functionName: string) =>
  ({
    functionName,
    functionVersion: '$LATEST',
    awsRequestId: 'b9c3a2e0-0000-4000-8000-000000000000',
    invokedFunctionArn: `arn:aws:lambda:eu-central-1:111122223333:function:${functionName}`,
    memoryLimitInMB: '512',
    getRemainingTimeInMillis: () => 600_000,
  }) as Context;

export interface Pipeline {
  /** The definition that runs, functions by their names. */
  definition: ReturnType<typeof workflowDefinition>;
  /** Calls a function of the account with a copy of the event, as itself. */
  invoke(name: FunctionName, event: unknown): Promise<unknown>;
  /** Puts an object into the input bucket and delivers the event of it. @returns the runs that it started. */
  drop(key: string, body: Uint8Array | string, metadata?: Record<string, string>): Promise<Run[]>;
  /** Runs an execution of the workflow to its end, and delivers the event of one that failed. */
  execute(run: Run, signal?: AbortSignal): Promise<RunResult>;
}

/** The functions of an account, loaded as Lambda loads them, and the workflow that calls them. */
export async function openPipeline({ buckets, s3, executions }: Account): Promise<Pipeline> {
  const load = async (name: FunctionName): Promise<Handler> => (await import(`../../functions/${name}/handler.ts`)).handler;
  const handlers = new Map<FunctionName, Handler>(await Promise.all(functionNames.map(async (name) => [name, await load(name)] as const)));
  const invoke: Pipeline['invoke'] = (name, event) => as(name, () => handlers.get(name)!(structuredClone(event), context(name)));
  const steps = functionNames.filter((name) => name in stepContracts) as StepName[];
  const definition = workflowDefinition({
    functions: Object.fromEntries(steps.map((step) => [step, step])) as Record<StepName, string>,
    workBucket: buckets.work,
  });
  const workflow = loadWorkflow(definition);
  const functions = Object.fromEntries(steps.map((step) => [step, (payload: unknown) => invoke(step, payload)]));
  // The state machine reads the manifests and writes the results of its maps itself.
  const store = (bucket: string) => s3ObjectStore(createS3Client(), bucket);

  return {
    definition,
    invoke,
    async drop(key, body, metadata) {
      const { VersionId } = await s3.send(
        new PutObjectCommand({ Bucket: buckets.input, Key: key, Body: Buffer.from(body), Metadata: metadata }),
      );
      const before = new Set(executions().map(({ name }) => name));
      const event = {
        source: 'aws.s3',
        'detail-type': 'Object Created',
        detail: { bucket: { name: buckets.input }, object: { key, size: Buffer.byteLength(body), 'version-id': VersionId } },
      };
      const result = await invoke('accept-upload', { Records: [{ messageId: 'message-0', body: JSON.stringify(event) }] });
      const { batchItemFailures } = result as { batchItemFailures: unknown[] };
      if (batchItemFailures.length > 0) throw new Error(`accept-upload gave ${key} back to its queue`);
      return executions()
        .filter(({ name }) => !before.has(name))
        .map(({ input }) => runSchema.parse(input));
    },
    async execute(run, signal) {
      const name = `${run.runId}-${run.attempt}`;
      const result = await as(WORKFLOW, () => runWorkflow(workflow, run, { name, functions, store, clock: systemClock, signal }));
      if (result.status !== 'SUCCEEDED') await invoke('finish-run', executionEvent(run, result.status));
      return result;
    },
  };
}
