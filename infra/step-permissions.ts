import { Aws } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { StepName } from '../functions/shared/contract.ts';
import { SETTINGS_FILE } from '../functions/shared/object-keys.ts';

/**
 * Keys of the work and results buckets, as IAM patterns: the run is not known before it runs. What one step leaves any other may read; it
 * writes only what is its own to write.
 */
export const keyPatterns = {
  runs: 'runs/*',
  attempts: 'runs/*/attempts/*',
  sourceParts: 'runs/*/source.jsonl',
  refusal: 'runs/*/refusal.json',
  readableCopies: 'runs/*/readable/*',
  stagedParts: 'runs/*/level-*/parts/*',
  rejected: 'runs/*/rejected/*',
  manifests: 'runs/*/level-*/batches.jsonl',
  places: 'runs/*/level-*/places.jsonl',
  sortedRuns: 'runs/*/sorted/*',
  groups: 'runs/*/groups.jsonl',
  parts: 'runs/*/parts.jsonl',
  plan: 'runs/*/plan.json',
  outcomes: 'runs/*/level-*/outcomes/*',
  partSums: 'runs/*/level-*/sums/*',
  unanswered: 'runs/*/unanswered/*',
  childResults: 'runs/*/children/*',
  stagedTables: 'runs/*/tables/*',
  receipts: 'runs/*/receipts/*',
  excerpts: 'runs/*/excerpts/*',
  events: 'runs/*/events/*',
  runRecord: 'runs/*/run.json',
  summaries: 'summaries/*',
  tables: 'tables/*',
  reports: 'reports/*',
} as const;
type KeyPattern = (typeof keyPatterns)[keyof typeof keyPatterns];

export interface StepResources {
  readonly inputBucket: IBucket;
  readonly workBucket: IBucket;
  readonly resultsBucket: IBucket;
  readonly controlTableArn: string;
  readonly modelKeyArn: string;
  readonly eventBusArn: string;
  readonly stateMachineArn: string;
}

const allow = (actions: string[], ...resources: string[]) => new PolicyStatement({ actions, resources });

const readObjects = (bucket: IBucket, ...patterns: KeyPattern[]) =>
  allow(['s3:GetObject'], ...patterns.map((pattern) => bucket.arnForObjects(pattern)));

const writeObjects = (bucket: IBucket, ...patterns: KeyPattern[]) =>
  allow(['s3:PutObject'], ...patterns.map((pattern) => bucket.arnForObjects(pattern)));

const deleteObjects = (bucket: IBucket, ...patterns: KeyPattern[]) =>
  allow(['s3:DeleteObject'], ...patterns.map((pattern) => bucket.arnForObjects(pattern)));

/** Streamed writes are multipart uploads: starting, filling and closing one is s3:PutObject, giving one up is not. */
const streamObjects = (bucket: IBucket, ...patterns: KeyPattern[]) =>
  allow(['s3:PutObject', 's3:AbortMultipartUpload'], ...patterns.map((pattern) => bucket.arnForObjects(pattern)));

/**
 * Listing below the patterns, and 404 instead of 403 for a key that is not there: S3 tells a key's absence only to those who
 * may list, and holds the key against the prefixes when it decides that. Sources: S3 API reference, GetObject, "Permissions"; for
 * the prefixes ceph/ceph pull request 68577, which does as S3 does.
 */
const listObjects = (bucket: IBucket, ...patterns: string[]) =>
  new PolicyStatement({
    actions: ['s3:ListBucket'],
    resources: [bucket.bucketArn],
    conditions: { StringLike: { 's3:prefix': patterns } },
  });

/** S3 uses a customer's key in the name of whoever reads or writes. Writing in parts needs it for reading, too. */
export function useKeys(...buckets: IBucket[]): PolicyStatement[] {
  const keys = new Map<string, IKey>();
  for (const { encryptionKey } of buckets) if (encryptionKey) keys.set(encryptionKey.keyArn, encryptionKey);
  return [...keys.keys()].map(
    (keyArn) =>
      new PolicyStatement({
        actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
        resources: [keyArn],
        conditions: { StringEquals: { 'kms:ViaService': `s3.${Aws.REGION}.${Aws.URL_SUFFIX}` } },
      }),
  );
}

/** Uploads lie under any key, so reading them spans the bucket; the version pins what is read. */
const readUploads = ({ inputBucket }: StepResources, ...actions: string[]) =>
  allow(['s3:GetObjectVersion', ...actions], inputBucket.arnForObjects('*'));
const publishEvents = ({ eventBusArn }: StepResources) => allow(['events:PutEvents'], eventBusArn);

/** Every function, by its folder. */
export const functionNames = [
  'accept-upload',
  'plan-batches',
  'summarize-batch',
  'write-tables',
  'finish-run',
  'watch-runs',
] as const satisfies readonly (StepName | 'accept-upload' | 'watch-runs')[];
export type FunctionName = (typeof functionNames)[number];

/** What each function may do, besides writing its own log. A step that needs more must say so here. */
export const stepPermissions: Record<FunctionName, (resources: StepResources) => PolicyStatement[]> = {
  'accept-upload': (resources) => [
    // The settings file and the parts of a folder are read as they are at that moment.
    readUploads(resources, 's3:GetObject'),
    // Besides the settings file only whole folders, to find their parts: a folder's prefix ends in a slash.
    listObjects(resources.inputBucket, `*${SETTINGS_FILE}`, '*/'),
    readObjects(resources.workBucket, keyPatterns.runs),
    writeObjects(resources.workBucket, keyPatterns.attempts, keyPatterns.sourceParts, keyPatterns.refusal),
    listObjects(resources.workBucket, keyPatterns.runs),
    allow(['states:StartExecution'], resources.stateMachineArn),
    ...useKeys(resources.inputBucket, resources.workBucket),
  ],
  'plan-batches': (resources) => [
    readUploads(resources),
    readObjects(resources.workBucket, keyPatterns.runs),
    streamObjects(
      resources.workBucket,
      keyPatterns.readableCopies,
      keyPatterns.stagedParts,
      keyPatterns.rejected,
      keyPatterns.manifests,
      keyPatterns.places,
      keyPatterns.sortedRuns,
      keyPatterns.groups,
    ),
    writeObjects(resources.workBucket, keyPatterns.parts, keyPatterns.plan, keyPatterns.refusal),
    // Copies of uploads that are redacted hold what was taken out of their rows.
    allow(['s3:DeleteObject'], resources.workBucket.arnForObjects(keyPatterns.readableCopies)),
    listObjects(resources.workBucket, keyPatterns.runs),
    allow(['dynamodb:GetItem'], resources.controlTableArn),
    publishEvents(resources),
    ...useKeys(resources.inputBucket, resources.workBucket),
  ],
  'summarize-batch': (resources) => [
    readObjects(resources.workBucket, keyPatterns.runs, keyPatterns.summaries),
    writeObjects(resources.workBucket, keyPatterns.outcomes, keyPatterns.unanswered, keyPatterns.summaries),
    listObjects(resources.workBucket, keyPatterns.runs, keyPatterns.summaries),
    allow(['dynamodb:GetItem', 'dynamodb:UpdateItem'], resources.controlTableArn),
    allow(['secretsmanager:GetSecretValue'], resources.modelKeyArn),
    ...useKeys(resources.workBucket),
  ],
  'write-tables': (resources) => [
    readObjects(resources.workBucket, keyPatterns.runs),
    writeObjects(resources.workBucket, keyPatterns.partSums, keyPatterns.stagedTables, keyPatterns.receipts, keyPatterns.excerpts),
    listObjects(resources.workBucket, keyPatterns.runs),
    ...useKeys(resources.workBucket),
  ],
  'finish-run': (resources) => [
    readObjects(resources.workBucket, keyPatterns.runs),
    writeObjects(resources.workBucket, keyPatterns.attempts, keyPatterns.events, keyPatterns.runRecord),
    listObjects(resources.workBucket, keyPatterns.runs),
    writeObjects(resources.resultsBucket, keyPatterns.tables, keyPatterns.reports),
    deleteObjects(resources.resultsBucket, keyPatterns.tables, keyPatterns.reports),
    listObjects(resources.resultsBucket, keyPatterns.tables),
    publishEvents(resources),
    ...useKeys(resources.workBucket, resources.resultsBucket),
  ],
  'watch-runs': (resources) => [allow(['states:ListExecutions'], resources.stateMachineArn)],
};
