import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption, type BucketProps, type CfnBucket, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { QUERY_RESULTS_PREFIX } from '../functions/shared/object-keys.ts';

export { QUERY_RESULTS_PREFIX };
/** Query results are copies: whoever wants to keep one downloads it within this time. Athena puts tables made by a query there, too. */
export const QUERY_RESULT_DAYS = 30;

export interface BucketsProps {
  /** Days until `runs/` of the work bucket expires. @default 30 */
  readonly runRetentionDays?: number;
  /** Days until `summaries/` of the work bucket, the paid answers, expires. @default 400 */
  readonly contentRetentionDays?: number;
  /** Days until server access logs expire. @default 30 */
  readonly accessLogRetentionDays?: number;
  /** Empties and deletes the buckets with the stack. @default false */
  readonly destroyOnDelete?: boolean;
}

/** The three buckets of the data and the bucket of their access logs: private, encrypted, TLS only, kept when the stack goes. */
export class Buckets extends Construct {
  /** Uploads, versioned: a version is the identity of what a run reads. Tells EventBridge of every object. */
  readonly input: Bucket;
  /** What the steps leave for each other, and the paid answers. */
  readonly work: Bucket;
  /** The tables and what queries return. */
  readonly results: Bucket;

  constructor(scope: Construct, id: string, props: BucketsProps = {}) {
    super(scope, id);
    const { runRetentionDays = 30, contentRetentionDays = 400, accessLogRetentionDays = 30, destroyOnDelete = false } = props;

    const guarded: BucketProps = {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy: destroyOnDelete ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
      autoDeleteObjects: destroyOnDelete,
    };
    const abandonedUploads = { id: 'abandoned-uploads', abortIncompleteMultipartUploadAfter: Duration.days(1) };
    const accessLogs = new Bucket(this, 'AccessLogs', {
      ...guarded,
      lifecycleRules: [{ id: 'access-logs', expiration: Duration.days(accessLogRetentionDays) }],
    });
    const logged = (prefix: string): BucketProps => ({
      ...guarded,
      serverAccessLogsBucket: accessLogs,
      serverAccessLogsPrefix: `${prefix}/`,
    });

    this.input = new Bucket(this, 'Input', { ...logged('input'), versioned: true, lifecycleRules: [abandonedUploads] });
    // The L2's eventBridgeEnabled does this through a function of its own; CloudFormation does it alone.
    (this.input.node.defaultChild as CfnBucket).notificationConfiguration = { eventBridgeConfiguration: { eventBridgeEnabled: true } };

    this.work = new Bucket(this, 'Work', {
      ...logged('work'),
      lifecycleRules: [
        abandonedUploads,
        { id: 'runs', prefix: 'runs/', expiration: Duration.days(runRetentionDays) },
        { id: 'summaries', prefix: 'summaries/', expiration: Duration.days(contentRetentionDays) },
      ],
    });

    this.results = new Bucket(this, 'Results', {
      ...logged('results'),
      lifecycleRules: [
        abandonedUploads,
        { id: 'query-results', prefix: QUERY_RESULTS_PREFIX, expiration: Duration.days(QUERY_RESULT_DAYS) },
      ],
    });
  }
}
