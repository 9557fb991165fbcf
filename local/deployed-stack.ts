import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import type { DeploymentDefaults, Executions } from '../functions/accept-upload/accept-upload.ts';
import { createS3Client, s3ObjectStore } from '../functions/shared/adapters/s3-object-store.ts';
import { s3ObjectVersions } from '../functions/shared/adapters/s3-object-versions.ts';
import { type ExecutionStatuses, sfnExecutions } from '../functions/shared/adapters/sfn-executions.ts';
import { ConfigError } from '../functions/shared/errors.ts';
import type { ObjectStore, ObjectVersions } from '../functions/shared/ports.ts';
import { accountOutputs, stackOutputs } from '../infra/stack-outputs.ts';

/** A deployed stack, as the command line works with it. */
export interface DeployedStack {
  name: string;
  input: ObjectStore;
  work: ObjectStore;
  results: ObjectStore;
  /** The same three buckets, version by version. */
  versions: Record<'input' | 'work' | 'results', ObjectVersions>;
  executions: Executions & ExecutionStatuses;
  /** Normalized base URL of the endpoint that its functions ask. */
  endpoint: string;
  /** What it was given for all runs. */
  deployment: DeploymentDefaults;
}

/**
 * The stack of that name, in the region and with the credentials that the AWS SDK finds.
 * @throws ConfigError: there is no such stack, or it was deployed by a version whose outputs do not say enough.
 */
export async function openStack(name: string): Promise<DeployedStack> {
  const outputs = await outputsOf(name);
  checkOutputs(name, outputs, Object.values(stackOutputs));
  const output = (name: keyof typeof stackOutputs) => outputs.get(stackOutputs[name]) as string;
  const s3 = createS3Client();
  return {
    name,
    input: s3ObjectStore(s3, output('inputBucket')),
    work: s3ObjectStore(s3, output('workBucket')),
    results: s3ObjectStore(s3, output('resultsBucket')),
    versions: {
      input: s3ObjectVersions(s3, output('inputBucket')),
      work: s3ObjectVersions(s3, output('workBucket')),
      results: s3ObjectVersions(s3, output('resultsBucket')),
    },
    executions: sfnExecutions(output('stateMachine')),
    endpoint: output('endpoint'),
    deployment: JSON.parse(output('deployment')) as DeploymentDefaults,
  };
}

/** What Athena needs to know: where the tables are, and under which limits queries run. */
export interface QueryPlace {
  database: string;
  workgroup: string;
}

/**
 * Where the tables of the stack of that name are queried.
 * @throws ConfigError: as openStack.
 */
export async function queryPlaceOf(name: string): Promise<QueryPlace> {
  const outputs = await outputsOf(name);
  const { database, workgroup } = accountOutputs;
  checkOutputs(name, outputs, [database, workgroup]);
  return { database: outputs.get(database) as string, workgroup: outputs.get(workgroup) as string };
}

function checkOutputs(name: string, outputs: DescribedStack['outputs'], needed: readonly string[]): void {
  const missing = needed.filter((output) => !outputs.has(output));
  if (missing.length === 0) return;
  throw new ConfigError(`The stack ${name} has no output ${missing.join(', ')}: it is of an older version; deploy it again.`, {
    code: 'stack_outputs_missing',
  });
}

async function outputsOf(name: string): Promise<DescribedStack['outputs']> {
  const described = await describeStack(name);
  if (described) return described.outputs;
  const words = `There is no stack ${name} in this account and region: deploy it (npm run deploy), or name another with --stack NAME.`;
  throw new ConfigError(words, { code: 'no_such_stack' });
}

export interface DescribedStack {
  /** CloudFormation's word: `CREATE_COMPLETE`. */
  status: string;
  outputs: Map<string | undefined, string | undefined>;
}

/** @returns undefined where there is no stack of that name. */
export async function describeStack(name: string): Promise<DescribedStack | undefined> {
  try {
    const { Stacks = [] } = await new CloudFormationClient().send(new DescribeStacksCommand({ StackName: name }));
    const outputs = new Map(Stacks[0]?.Outputs?.map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]));
    return { status: Stacks[0]?.StackStatus ?? 'unknown', outputs };
  } catch (cause) {
    const { name: error, message } = cause as Error;
    if (error !== 'ValidationError' || !message.includes('does not exist')) throw cause;
    return undefined;
  }
}
