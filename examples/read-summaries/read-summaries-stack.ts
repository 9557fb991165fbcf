import { fileURLToPath } from 'node:url';
import { Duration, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import { EventBus, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { tablePrefix } from '../../functions/shared/object-keys.ts';
import { EVENT_SOURCE, type RunEventType } from '../../functions/shared/run-event.ts';
import { DeadLetterQueue } from '../../infra/dead-letter-queue.ts';
import { bundling } from '../../infra/pipeline-function.ts';
import { DIGEST_PREFIX } from './digest.ts';

export interface ReadSummariesStackProps extends StackProps {
  /** Bus of the deployed pipeline: its output EventBusName. */
  readonly eventBusName: string;
  /** Bucket of the tables: its output ResultsBucketName. */
  readonly resultsBucketName: string;
}

const detailType: RunEventType[] = ['Run Completed'];
const repository = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** A function that reads the summaries of each run that completes and writes them as a page of Markdown. */
export class ReadSummariesStack extends Stack {
  constructor(scope: Construct, id: string, { eventBusName, resultsBucketName, ...props }: ReadSummariesStackProps) {
    super(scope, id, { description: 'Hundredfold example: a page of Markdown for each run that completes', ...props });

    const results = Bucket.fromBucketName(this, 'Results', resultsBucketName);
    const summaries = `${tablePrefix('batch_summaries')}*`;
    const digests = `${DIGEST_PREFIX}*`;
    const undelivered = new DeadLetterQueue(this, 'Undelivered');

    const logGroup = new LogGroup(this, 'Log', { retention: RetentionDays.ONE_MONTH });
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    const allow = (actions: string[], resource: string, conditions = {}) =>
      role.addToPolicy(new PolicyStatement({ actions, resources: [resource], conditions }));
    allow(['s3:ListBucket'], results.bucketArn, { StringLike: { 's3:prefix': summaries } });
    allow(['s3:GetObject'], results.arnForObjects(summaries));
    allow(['s3:PutObject'], results.arnForObjects(digests));
    allow(['sqs:SendMessage'], undelivered.queueArn);

    const reader = new NodejsFunction(this, 'Function', {
      description: 'Writes the summaries of a run as a page of Markdown',
      entry: repository('examples/read-summaries/handler.ts'),
      projectRoot: repository(''),
      depsLockFilePath: repository('package-lock.json'),
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: 512,
      timeout: Duration.minutes(2),
      role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      environment: { RESULTS_BUCKET: resultsBucketName },
      bundling,
    });
    // What Lambda takes and the function fails on ends in the same queue as what Lambda does not take.
    reader.configureAsyncInvoke({
      retryAttempts: 2,
      maxEventAge: Duration.hours(6),
      onFailure: { bind: () => ({ destination: undelivered.queueArn }) },
    });

    new Rule(this, 'Completed', {
      description: 'Runs that completed',
      eventBus: EventBus.fromEventBusName(this, 'Bus', eventBusName),
      eventPattern: { source: [EVENT_SOURCE], detailType },
      targets: [new LambdaFunction(reader, { deadLetterQueue: undelivered })],
    });

    Validations.of(undelivered).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'It is the dead-letter queue of a rule and a function, which the check does not look at.',
    });
    for (const pattern of [summaries, digests]) {
      Validations.of(role).acknowledge({
        id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::${resultsBucketName}/${pattern}]`,
        reason: 'The wildcard stands for the run and its files: neither is known before it runs.',
      });
    }
  }
}
