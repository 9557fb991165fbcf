import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { StepName } from '../functions/shared/contract.ts';
import { SETTINGS_FILE } from '../functions/shared/object-keys.ts';

/** Keys of the work and results buckets that the steps share, as IAM patterns: the run is not known before it runs. */
export const keyPatterns = {
  runs: 'runs/*',
  outcomes: 'runs/*/level-*/outcomes/*',
  unanswered: 'runs/*/unanswered/*',
  childResults: 'runs/*/children/*',
  readableCopies: 'runs/*/readable/*',
  summaries: 'summaries/*',
  tables: 'tables/*',
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

/** Streamed writes are multipart uploads: starting, filling and closing one is s3:PutObject, giving one up is not. */
const streamObjects = (bucket: IBucket, pattern: KeyPattern) =>
  allow(['s3:PutObject', 's3:AbortMultipartUpload'], bucket.arnForObjects(pattern));

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

/** Uploads lie under any key, so reading them spans the bucket; the version pins what is read. */
const readUploads = ({ inputBucket }: StepResources) => allow(['s3:GetObject', 's3:GetObjectVersion'], inputBucket.arnForObjects('*'));
const publishEvents = ({ eventBusArn }: StepResources) => allow(['events:PutEvents'], eventBusArn);

/** What each function may do, besides writing its own log. A step that needs more must say so here. */
export const stepPermissions: Record<StepName | 'accept-upload', (resources: StepResources) => PolicyStatement[]> = {
  'accept-upload': (resources) => [
    readUploads(resources),
    // Besides the settings file only whole folders, to find their parts: a folder's prefix ends in a slash.
    listObjects(resources.inputBucket, `*${SETTINGS_FILE}`, '*/'),
    readObjects(resources.workBucket, keyPatterns.runs),
    writeObjects(resources.workBucket, keyPatterns.runs),
    listObjects(resources.workBucket, keyPatterns.runs),
    allow(['states:StartExecution'], resources.stateMachineArn),
  ],
  'plan-batches': (resources) => [
    readUploads(resources),
    readObjects(resources.workBucket, keyPatterns.runs),
    streamObjects(resources.workBucket, keyPatterns.runs),
    // Copies of uploads that are redacted hold what was taken out of their rows.
    allow(['s3:DeleteObject'], resources.workBucket.arnForObjects(keyPatterns.readableCopies)),
    listObjects(resources.workBucket, keyPatterns.runs),
    allow(['dynamodb:GetItem'], resources.controlTableArn),
    publishEvents(resources),
  ],
  'summarize-batch': (resources) => [
    readObjects(resources.workBucket, keyPatterns.runs, keyPatterns.summaries),
    writeObjects(resources.workBucket, keyPatterns.outcomes, keyPatterns.unanswered, keyPatterns.summaries),
    listObjects(resources.workBucket, keyPatterns.runs, keyPatterns.summaries),
    allow(['dynamodb:GetItem', 'dynamodb:UpdateItem'], resources.controlTableArn),
    allow(['secretsmanager:GetSecretValue'], resources.modelKeyArn),
  ],
  'write-tables': (resources) => [
    readObjects(resources.workBucket, keyPatterns.runs),
    writeObjects(resources.workBucket, keyPatterns.runs),
    listObjects(resources.workBucket, keyPatterns.runs),
  ],
  'finish-run': (resources) => [
    readObjects(resources.workBucket, keyPatterns.runs),
    writeObjects(resources.workBucket, keyPatterns.runs),
    listObjects(resources.workBucket, keyPatterns.runs),
    writeObjects(resources.resultsBucket, keyPatterns.tables),
    allow(['s3:DeleteObject'], resources.resultsBucket.arnForObjects(keyPatterns.tables)),
    listObjects(resources.resultsBucket, keyPatterns.tables),
    publishEvents(resources),
  ],
};
