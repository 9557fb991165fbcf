import { type CfnResource, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type BucketProps,
  type CfnBucket,
  type IBucket,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { QUERY_RESULTS_PREFIX } from '../functions/shared/object-keys.ts';

export { QUERY_RESULTS_PREFIX };
/** Query results are copies: whoever wants to keep one downloads it within this time. Athena puts tables made by a query there, too. */
export const QUERY_RESULT_DAYS = 30;

export interface BucketsProps {
  /** A bucket of yours for the uploads. It must keep versions and tell EventBridge of new objects. @default a new one */
  readonly inputBucket?: IBucket;
  /** A bucket of yours for the tables, of no other deployment. @default a new one */
  readonly resultsBucket?: IBucket;
  /** Key for the objects of the new buckets. @default S3's own */
  readonly encryptionKey?: IKey;
  /** Days until `runs/` of the work bucket expires. @default 30 */
  readonly runRetentionDays?: number;
  /** Days until `summaries/` of the work bucket, the paid answers, expires. @default 400 */
  readonly contentRetentionDays?: number;
  /** Days until a version of an upload that was replaced or deleted expires. @default 90 */
  readonly oldVersionRetentionDays?: number;
  /** Days until server access logs expire. @default 30 */
  readonly accessLogRetentionDays?: number;
  /** Empties and deletes the buckets with the stack. @default false */
  readonly destroyOnDelete?: boolean;
}

/**
 * The three buckets of the data and the bucket of their access logs: private, encrypted, TLS only, kept when the stack goes. Buckets that are brought
 * along are left as they are.
 */
export class Buckets extends Construct {
  /** Uploads, versioned: a version is the identity of what a run reads. Tells EventBridge of every object. */
  readonly input: IBucket;
  /** What the steps leave for each other, and the paid answers. */
  readonly work: Bucket;
  /** The tables and what queries return. */
  readonly results: IBucket;

  constructor(scope: Construct, id: string, props: BucketsProps = {}) {
    super(scope, id);
    const { runRetentionDays = 30, contentRetentionDays = 400, oldVersionRetentionDays = 90, accessLogRetentionDays = 30 } = props;
    const { encryptionKey, destroyOnDelete = false } = props;

    const guarded: BucketProps = {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy: destroyOnDelete ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
      autoDeleteObjects: destroyOnDelete,
    };
    const encrypted: BucketProps = encryptionKey
      ? { encryption: BucketEncryption.KMS, encryptionKey, bucketKeyEnabled: true }
      : { encryption: BucketEncryption.S3_MANAGED };
    const abandonedUploads = { id: 'abandoned-uploads', abortIncompleteMultipartUploadAfter: Duration.days(1) };

    const accessLogs = new Bucket(this, 'AccessLogs', {
      ...guarded,
      // S3 delivers access logs to no bucket under a customer's key. Source: S3 user guide, "Enabling server access logging".
      encryption: BucketEncryption.S3_MANAGED,
      lifecycleRules: [{ id: 'access-logs', expiration: Duration.days(accessLogRetentionDays) }],
    });
    const bucket = (name: string, more: BucketProps) => {
      const made = new Bucket(this, name, { ...guarded, ...encrypted, ...more });
      logAccess(made, accessLogs, `${name.toLowerCase()}/`);
      return made;
    };

    this.input = props.inputBucket ?? this.inputBucket(bucket, { abandonedUploads, oldVersionRetentionDays });
    this.work = bucket('Work', {
      lifecycleRules: [
        abandonedUploads,
        { id: 'runs', prefix: 'runs/', expiration: Duration.days(runRetentionDays) },
        { id: 'summaries', prefix: 'summaries/', expiration: Duration.days(contentRetentionDays) },
      ],
    });
    this.results =
      props.resultsBucket ??
      bucket('Results', {
        lifecycleRules: [
          abandonedUploads,
          { id: 'query-results', prefix: QUERY_RESULTS_PREFIX, expiration: Duration.days(QUERY_RESULT_DAYS) },
        ],
      });
    limitCleanerLog(this, accessLogRetentionDays);
  }

  private inputBucket(
    bucket: (name: string, more: BucketProps) => Bucket,
    { abandonedUploads, oldVersionRetentionDays }: { abandonedUploads: { id: string }; oldVersionRetentionDays: number },
  ): Bucket {
    const input = bucket('Input', {
      versioned: true,
      lifecycleRules: [
        abandonedUploads,
        {
          id: 'old-versions',
          noncurrentVersionExpiration: Duration.days(oldVersionRetentionDays),
          expiredObjectDeleteMarker: true,
        },
      ],
    });
    // The L2's eventBridgeEnabled does this through a function of its own; CloudFormation does it alone.
    (input.node.defaultChild as CfnBucket).notificationConfiguration = { eventBridgeConfiguration: { eventBridgeEnabled: true } };
    return input;
  }
}

/** Id under which CDK keeps the one function of a stack that empties its buckets. */
const BUCKET_CLEANER = 'Custom::S3AutoDeleteObjectsCustomResourceProvider';

/** CDK gives the function that empties buckets no log group; Lambda would make one that keeps its lines for ever. */
function limitCleanerLog(scope: Construct, retention: RetentionDays) {
  const cleaner = Stack.of(scope).node.tryFindChild(BUCKET_CLEANER);
  if (!cleaner || cleaner.node.tryFindChild('Log')) return;
  const log = new LogGroup(cleaner as Construct, 'Log', { retention, removalPolicy: RemovalPolicy.DESTROY });
  (cleaner.node.findChild('Handler') as CfnResource).addPropertyOverride('LoggingConfig', { LogGroup: log.logGroupName });
}

/** By a bucket policy, whatever the app's flags: the L2 does it with an ACL unless a flag is set, and these buckets take none. */
function logAccess(bucket: Bucket, accessLogs: Bucket, prefix: string) {
  (bucket.node.defaultChild as CfnBucket).loggingConfiguration = {
    destinationBucketName: accessLogs.bucketName,
    logFilePrefix: prefix,
  };
  accessLogs.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('logging.s3.amazonaws.com')],
      actions: ['s3:PutObject'],
      resources: [accessLogs.arnForObjects(`${prefix}*`)],
      conditions: {
        ArnLike: { 'aws:SourceArn': bucket.bucketArn },
        StringEquals: { 'aws:SourceAccount': bucket.stack.account },
      },
    }),
  );
}
