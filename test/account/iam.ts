import { synthesize } from '../infra/synthesized.ts';
import type { Account } from './account.ts';
import type { ApiCall } from './recorded-calls.ts';

/** What a call needs to be allowed: an action on a resource, written like the template's; listing with the prefix that S3 holds against conditions. */
export interface Need {
  action: string;
  resource: string;
  prefix?: string | undefined;
}

/** One action on one resource that a role allows. */
export interface Grant {
  action: string;
  /** With `*` as IAM has it. */
  resource: string;
  /** Patterns of `s3:prefix`, null without a condition. */
  prefixes: readonly string[] | null;
}

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: string | string[];
  Condition?: { StringLike: { 's3:prefix': string[] } };
}

const deployed = synthesize();
const STATE_MACHINE = 'arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:stateMachine:hundredfold';

/** Everything that the role of a step, or of the workflow, allows. */
export function grantsOf(caller: string): Grant[] {
  const role = caller === 'workflow' ? 'Workflow/StateMachine/Role' : `Steps/${caller}/Role`;
  const policies = deployed.ofType('AWS::IAM::Policy').filter(([, { Properties }]) => Properties.Roles.includes(`<${role}>`));
  if (policies.length === 0) throw new Error(`${caller} has no policy`);
  const statements: Statement[] = policies.flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement);
  return statements.flatMap(({ Effect, Action, Resource, Condition }) => {
    if (Effect !== 'Allow') throw new Error(`${caller}: a statement that is not of the kind this reads`);
    const prefixes = Condition?.StringLike['s3:prefix'] ?? null;
    return [Action].flat().flatMap((action) => [Resource].flat().map((resource) => ({ action, resource, prefixes })));
  });
}

const matches = (pattern: string, text: string) =>
  new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`, 's').test(text);

export const allows = ({ action, resource, prefixes }: Grant, need: Need): boolean =>
  action === need.action &&
  matches(resource, need.resource) &&
  (prefixes === null || (need.prefix !== undefined && prefixes.some((pattern) => matches(pattern, need.prefix ?? ''))));

/** Grants, one for each of their prefixes: a condition is as wide as its patterns. */
export const byPrefix = (grants: readonly Grant[]): Grant[] =>
  grants.flatMap((grant) => (grant.prefixes === null ? [grant] : grant.prefixes.map((prefix) => ({ ...grant, prefixes: [prefix] }))));

/**
 * What a call needs. Sources: Service authorization reference of each service; S3 API reference, "Permissions" of each operation.
 * @throws Error: a command that this does not know.
 */
export function needsOf({ client, command, input, error }: ApiCall, { buckets }: Account): Need[] {
  const bucketArn = (name: unknown) => {
    const path = { [buckets.input]: 'Input', [buckets.work]: 'Work', [buckets.results]: 'Results' }[String(name)];
    if (path === undefined) throw new Error(`${command} of a bucket that nobody knows`);
    return `<Buckets/${path}.Arn>`;
  };
  const object = (key = input.Key) => `${bucketArn(input.Bucket)}/${key}`;
  const listing = (prefix: unknown): Need => ({ action: 's3:ListBucket', resource: bucketArn(input.Bucket), prefix: String(prefix) });
  const needed = (action: string, resource: string): Need => ({ action, resource });

  switch (`${client}.${command}`) {
    case 'S3Client.GetObjectCommand':
    case 'S3Client.HeadObjectCommand': {
      const action = input.VersionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion';
      // S3 tells those who may not list that the key is forbidden, not that it is absent.
      const isAbsent = error === 'NoSuchKey' || error === 'NotFound';
      return [needed(action, object()), ...(isAbsent ? [listing(input.Key)] : [])];
    }
    case 'S3Client.PutObjectCommand':
    case 'S3Client.CreateMultipartUploadCommand':
    case 'S3Client.UploadPartCommand':
    case 'S3Client.CompleteMultipartUploadCommand':
      return [needed('s3:PutObject', object())];
    case 'S3Client.AbortMultipartUploadCommand':
      return [needed('s3:AbortMultipartUpload', object())];
    case 'S3Client.CopyObjectCommand': {
      const [, bucket, key] = /^([^/]+)\/(.*)$/s.exec(String(input.CopySource)) ?? [];
      return [needed('s3:GetObject', `${bucketArn(bucket)}/${decodeURIComponent(key ?? '')}`), needed('s3:PutObject', object())];
    }
    case 'S3Client.DeleteObjectsCommand':
      return (input.Delete as { Objects: { Key: string }[] }).Objects.map(({ Key }) => needed('s3:DeleteObject', object(Key)));
    case 'S3Client.ListObjectsV2Command':
      return [listing(input.Prefix)];
    case 'DynamoDBClient.GetItemCommand':
    case 'DynamoDBClient.UpdateItemCommand':
    case 'DynamoDBClient.PutItemCommand':
      return [needed(`dynamodb:${command.replace('Command', '')}`, '<Control/Table.Arn>')];
    case 'EventBridgeClient.PutEventsCommand':
      return [needed('events:PutEvents', '<Events.Arn>')];
    case 'SecretsManagerClient.GetSecretValueCommand':
      return [needed('secretsmanager:GetSecretValue', '<ModelKey/Secret>')];
    case 'SFNClient.StartExecutionCommand':
    case 'SFNClient.ListExecutionsCommand':
      return [needed(`states:${command.replace('Command', '')}`, STATE_MACHINE)];
    default:
      throw new Error(`What ${client}.${command} needs is not known`);
  }
}

interface AslState {
  Type: string;
  Label?: string;
  Arguments?: { FunctionName?: string };
  ItemProcessor?: { ProcessorConfig?: { Mode?: string }; States: Record<string, AslState> };
}

/**
 * What Step Functions itself calls in the name of a definition's role: the function of each Task state, and for each Distributed Map executions of
 * the machine as its children. Source: Step Functions developer guide, "IAM policies for using Distributed Map states".
 */
export function integrationNeeds(states: Record<string, AslState>): Need[] {
  const execution = STATE_MACHINE.replace(':stateMachine:', ':execution:');
  return Object.values(states).flatMap(({ Type, Label, Arguments, ItemProcessor }): Need[] => {
    if (Type === 'Task') return [{ action: 'lambda:InvokeFunction', resource: `<Steps/${Arguments?.FunctionName}/Function.Arn>` }];
    if (!ItemProcessor) return [];
    const children: Need[] = [
      { action: 'states:StartExecution', resource: STATE_MACHINE },
      { action: 'states:DescribeExecution', resource: `${execution}:child` },
      { action: 'states:StopExecution', resource: `${execution}:child` },
      { action: 'states:RedriveExecution', resource: `${execution}/${Label}:child` },
    ];
    return [...(ItemProcessor.ProcessorConfig?.Mode === 'DISTRIBUTED' ? children : []), ...integrationNeeds(ItemProcessor.States)];
  });
}

/** The kind of an object of the work bucket by its key: run, numbers and hashes left open. Others are their own kind. */
export const kindOf = (resource: string): string =>
  resource
    .replace(/\/runs\/[^/]+\//, '/runs/<run>/')
    .replace(/\/children\/.*/, '/children/<file>')
    // A pattern cannot tell the claim `1.json` from `1.closed.json`.
    .replace(/\/attempts\/.*/, '/attempts/<file>')
    .replace(/\/summaries\/.*/, '/summaries/<content>')
    .replace(/\/tables\/([a-z_]+)\/.*/, '/tables/<file>')
    .replace(/level-\d+/, 'level-<n>')
    .replace(/\/events\/.*/, '/events/<event>')
    .replace(/\/unanswered\/.*/, '/unanswered/<mark>')
    .replace(/\/(?:levels|\d+)(\.[a-z.]+)?$/, '/<n>$1');
