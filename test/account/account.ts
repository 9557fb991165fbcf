import type { ServerResponse } from 'node:http';
import { CreateTableCommand, DynamoDBClient, waitUntilTableExists } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, PutBucketVersioningCommand, type S3Client } from '@aws-sdk/client-s3';
import { createS3Client } from '../../functions/shared/adapters/s3-object-store.ts';
import { type EnvName, envNames } from '../../functions/shared/env.ts';
import { openControlTable } from '../contracts/control-table.ts';
import { startAwsServer } from '../fakes/aws-server.ts';
import { STATE_MACHINE } from '../fakes/execution-event.ts';
import { type S3Server, startS3Server } from '../fakes/s3-server/server.ts';
import { loopbackServer, type ReceivedRequest, sendJson } from '../functions/shared/adapters/loopback-server.ts';

/** A key that no test's words hold. */
const MODEL_KEY = 'sk-test-key-of-nobody';
const REGION = 'eu-central-1';

export interface PublishedEvent {
  type: string;
  detail: Record<string, unknown>;
}

export interface Account {
  buckets: { input: string; work: string; results: string };
  s3: S3Client;
  /** undefined where somebody else's server answers for S3. */
  s3Server: S3Server | undefined;
  /** What the bus took, in order, repeats included. */
  events: PublishedEvent[];
  /** What the functions told CloudWatch, in order. */
  metrics: Record<string, unknown>[];
  /** Inputs of the executions that were started, by name. */
  executions(): { name: string; input: unknown }[];
  close(): Promise<void>;
}

/** Variables that name the server of a service to the SDK. Source: AWS SDKs and tools reference guide, "Service-specific endpoints". */
const ENDPOINT = 'AWS_ENDPOINT_URL';
const endpointOf = (service: string) => `${ENDPOINT}_${service}`;

/**
 * An account of AWS on loopback, with the resources of a deployed stack, and the environment of its functions set in this process. S3 and
 * DynamoDB are those that `AWS_ENDPOINT_URL` (or the variable of the one service) names, else servers of this project: S3's protocol and
 * dynalite. The bus, the secret and the state machine are always ours. In somebody else's account the buckets and the table have new names and
 * are left behind.
 */
export async function openAccount(modelBaseUrl: string): Promise<Account> {
  const before = { ...process.env };
  const isOwn = (service: string) => process.env[ENDPOINT] === undefined && process.env[endpointOf(service)] === undefined;
  const isOwnS3 = isOwn('S3');
  const isOwnDynamoDb = isOwn('DYNAMODB');
  const stamp = isOwnS3 && isOwnDynamoDb ? '' : `-${Date.now().toString(36)}`;
  const buckets = { input: `input-bucket${stamp}`, work: `work-bucket${stamp}`, results: `results-bucket${stamp}` };

  const events: PublishedEvent[] = [];
  const services = await loopbackServer((request, response) => answer(request, response, events));
  const stepFunctions = await startAwsServer();
  const s3Server = isOwnS3 ? await startS3Server({ buckets: described(buckets) }) : undefined;
  const dynamoDb = isOwnDynamoDb ? await openControlTable() : undefined;
  const controlTable = dynamoDb?.tableName ?? `control${stamp}`;

  const variables: Partial<Record<EnvName, string>> = {
    inputBucket: buckets.input,
    workBucket: buckets.work,
    resultsBucket: buckets.results,
    controlTable,
    eventBus: 'hundredfold',
    stateMachine: STATE_MACHINE,
    modelKeySecret: `arn:aws:secretsmanager:${REGION}:111122223333:secret:model-key`,
    modelBaseUrl,
    modelConcurrency: '8',
    deployment: 'hundredfold',
    runSettings: '{}',
    maxCostUsdPerDay: '1000',
  };
  for (const [name, value] of Object.entries(variables)) process.env[envNames[name as EnvName]] = value;
  Object.assign(process.env, {
    AWS_REGION: process.env.AWS_REGION ?? REGION,
    AWS_ACCESS_KEY_ID: process.env.AWS_ACCESS_KEY_ID ?? 'test',
    AWS_SECRET_ACCESS_KEY: process.env.AWS_SECRET_ACCESS_KEY ?? 'test',
    POWERTOOLS_LOG_LEVEL: 'SILENT',
    [endpointOf('SFN')]: stepFunctions.url,
    [endpointOf('EVENTBRIDGE')]: services.url,
    [endpointOf('SECRETS_MANAGER')]: services.url,
    ...(s3Server && { [endpointOf('S3')]: s3Server.endpoint }),
    ...(dynamoDb && { [endpointOf('DYNAMODB')]: String((await endpoint(dynamoDb.client)).href) }),
  });

  const metrics: Record<string, unknown>[] = [];
  const restore = divertMetrics(metrics);
  const s3 = createS3Client();
  if (!s3Server) for (const [name, { isVersioned }] of Object.entries(described(buckets))) await createBucket(s3, name, isVersioned);
  if (!dynamoDb) await createTable(controlTable);
  return {
    buckets,
    s3,
    s3Server,
    events,
    metrics,
    executions: () =>
      [...stepFunctions.executions].map(([arn, { input }]) => ({ name: arn.split(':').at(-1) ?? '', input: JSON.parse(input) })),
    async close() {
      restore();
      s3.destroy();
      await Promise.all([services.close(), stepFunctions.close(), s3Server?.close(), dynamoDb?.close()]);
      for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
      Object.assign(process.env, before);
    },
  };
}

/** Takes the lines of metrics out of what this process writes, as CloudWatch does. */
function divertMetrics(metrics: Record<string, unknown>[]): () => void {
  const { write } = process.stdout;
  process.stdout.write = function (this: typeof process.stdout, chunk: string | Uint8Array, ...rest: never[]) {
    if (typeof chunk !== 'string' || !chunk.startsWith('{"_aws"')) return write.call(this, chunk, ...rest);
    metrics.push(JSON.parse(chunk));
    return true;
  } as typeof write;
  return () => {
    process.stdout.write = write;
  };
}

const described = ({ input, work, results }: Account['buckets']) => ({
  [input]: { isVersioned: true },
  [work]: { isVersioned: false },
  [results]: { isVersioned: false },
});

async function endpoint(client: DynamoDBClient): Promise<URL> {
  const { protocol, hostname, port } = await client.config.endpoint!();
  return new URL(`${protocol}//${hostname}:${port}`);
}

async function createBucket(s3: S3Client, Bucket: string, isVersioned: boolean): Promise<void> {
  await s3.send(new CreateBucketCommand({ Bucket }));
  if (isVersioned) await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
}

async function createTable(TableName: string): Promise<void> {
  const client = new DynamoDBClient();
  await client.send(
    new CreateTableCommand({
      TableName,
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  );
  await waitUntilTableExists({ client, maxWaitTime: 60, minDelay: 1 }, { TableName });
  client.destroy();
}

/** PutEvents of EventBridge and GetSecretValue of Secrets Manager, in JSON 1.1. */
function answer({ headers, body }: ReceivedRequest, response: ServerResponse, events: PublishedEvent[]): void {
  const target = String(headers['x-amz-target']).split('.').at(-1);
  if (target === 'PutEvents') {
    const { Entries } = JSON.parse(body) as { Entries: { DetailType: string; Detail: string }[] };
    events.push(...Entries.map(({ DetailType, Detail }) => ({ type: DetailType, detail: JSON.parse(Detail) })));
    sendJson(response, 200, { FailedEntryCount: 0, Entries: Entries.map((_, index) => ({ EventId: `event-${index}` })) });
  } else if (target === 'GetSecretValue') {
    const { SecretId } = JSON.parse(body) as { SecretId: string };
    sendJson(response, 200, { ARN: SecretId, Name: 'model-key', SecretString: MODEL_KEY });
  } else {
    sendJson(response, 501, { __type: 'NotImplemented', message: target });
  }
}
