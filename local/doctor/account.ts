import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { modelKey } from '../../functions/shared/adapters/model-key.ts';
import { createS3Client, s3ObjectStore } from '../../functions/shared/adapters/s3-object-store.ts';
import { ConfigError } from '../../functions/shared/errors.ts';
import { RUNS_PREFIX } from '../../functions/shared/object-keys.ts';
import { accountOutputs, stackOutputs } from '../../infra/stack-outputs.ts';
import { onAws } from '../aws-access.ts';
import { type DescribedStack, describeStack } from '../deployed-stack.ts';
import { type Finding, missing, note, ok } from './finding.ts';

/** The stack that `cdk bootstrap` makes, unless it is told otherwise. */
const BOOTSTRAP_STACK = 'CDKToolkit';
/** Version from which a bootstrap serves the CDK that is used here. Source: CDK developer guide, "Bootstrap template version history". */
const LEAST_BOOTSTRAP = 6;

/** What a look at the account gives, or what stood in its way. */
async function looked(what: string, remedy: string, look: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await onAws(look);
  } catch (error) {
    const { name, message } = error as Error;
    return [missing(what, error instanceof ConfigError ? message : `${name}: ${message}`, remedy)];
  }
}

export interface AccountOptions {
  /** null: no stack is looked at, since nobody knows yet which one it will be. */
  stack: string | null;
  /** The stack and its secret are about to be made. */
  isBeforeDeploy: boolean;
}

/** Credentials, region, bootstrap, and the stack with its secret and buckets. */
export async function lookAtAccount({ stack, isBeforeDeploy }: AccountOptions): Promise<Finding[]> {
  let place = '';
  const identity = await looked('AWS credentials', 'set AWS_PROFILE or log in, and AWS_REGION to the region of the stack', async () => {
    const client = new STSClient();
    const region = await client.config.region();
    const { Account, Arn } = await client.send(new GetCallerIdentityCommand());
    place = `aws://${Account}/${region}`;
    return [ok('AWS credentials', `${Arn}`), ok('AWS region', region)];
  });
  // Without them nothing else can be seen.
  if (place === '') return identity;
  const bootstrap = await looked('CDK bootstrap', 'allow cloudformation:DescribeStacks', () => lookAtBootstrap(place));
  if (stack === null) return [...identity, ...bootstrap];
  const deployed = await looked('stack', 'allow cloudformation:DescribeStacks, secretsmanager:GetSecretValue and s3:ListBucket', () =>
    lookAtStack(stack, isBeforeDeploy),
  );
  return [...identity, ...bootstrap, ...deployed];
}

async function lookAtBootstrap(place: string): Promise<Finding[]> {
  const bootstrap = await describeStack(BOOTSTRAP_STACK);
  const remedy = `run: npx cdk bootstrap ${place}`;
  if (!bootstrap) return [missing('CDK bootstrap', `there is no stack ${BOOTSTRAP_STACK} in this account and region`, remedy)];
  const version = Number(bootstrap.outputs.get('BootstrapVersion') ?? 0);
  if (version < LEAST_BOOTSTRAP) return [missing('CDK bootstrap', `version ${version} is too old, ${LEAST_BOOTSTRAP} is needed`, remedy)];
  return [ok('CDK bootstrap', `version ${version}`)];
}

async function lookAtStack(name: string, isBeforeDeploy: boolean): Promise<Finding[]> {
  const stack = await describeStack(name);
  if (!stack) {
    const words = `there is no stack ${name} in this account and region`;
    return [
      isBeforeDeploy ? note('stack', `${words} yet`) : missing('stack', words, 'run: npm run deploy; or name another with --stack NAME'),
    ];
  }
  const { status, outputs } = stack;
  if (status === 'ROLLBACK_COMPLETE' || status.endsWith('_FAILED')) {
    const remedy =
      status === 'UPDATE_FAILED' || status === 'UPDATE_ROLLBACK_FAILED'
        ? 'see its events in CloudFormation; continue its rollback there'
        : `see its events in CloudFormation, then delete it: aws cloudformation delete-stack --stack-name ${name}`;
    return [missing('stack', `${name} is ${status}`, remedy)];
  }
  if (status.endsWith('_IN_PROGRESS')) return [missing('stack', `${name} is ${status}`, 'wait until CloudFormation is done')];
  if (isBeforeDeploy) return [ok('stack', `${name} is ${status}`)];
  const absent = [...Object.values(stackOutputs), ...Object.values(accountOutputs)].filter((output) => !outputs.has(output));
  if (absent.length > 0) {
    return [missing('stack', `${name} has no output ${absent.join(', ')}: it is of an older version`, 'run: npm run deploy')];
  }
  return [ok('stack', `${name} is ${status}`), ...(await lookAtKey(outputs)), ...(await lookAtBuckets(outputs))];
}

async function lookAtKey(outputs: DescribedStack['outputs']): Promise<Finding[]> {
  const secret = outputs.get(accountOutputs.modelKeySecret) as string;
  return looked('model key in AWS', `allow secretsmanager:GetSecretValue on ${secret}`, async () => {
    try {
      await modelKey(new SecretsManagerClient(), secret)();
      return [ok('model key in AWS', `${secret} has a value`)];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const [words = '', remedy = ''] = error.message.split('. Set it: ');
      return [missing('model key in AWS', words, `run: ${remedy}`)];
    }
  });
}

async function lookAtBuckets(outputs: DescribedStack['outputs']): Promise<Finding[]> {
  const client = createS3Client();
  const names = (['inputBucket', 'workBucket', 'resultsBucket'] as const).map((output) => outputs.get(stackOutputs[output]) as string);
  const findings = await Promise.all(
    names.map((bucket) =>
      looked('bucket', `allow s3:ListBucket and s3:GetObject on ${bucket}`, async () => {
        await s3ObjectStore(client, bucket).folders(RUNS_PREFIX)[Symbol.asyncIterator]().next();
        return [ok('bucket', `${bucket} can be read`)];
      }),
    ),
  );
  return findings.flat();
}
