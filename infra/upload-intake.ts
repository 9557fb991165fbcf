import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { DeadLetterQueue } from './dead-letter-queue.ts';
import type { PipelineFunction } from './pipeline-function.ts';

/** AWS asks for six times the function's timeout, so that a message is not handed out again while it is worked on. */
const VISIBILITY_TIMEOUTS = 6;
/** Tries of one upload, minutes apart, before it is set aside. */
const MAX_RECEIVES = 5;

export interface UploadIntakeProps {
  /** Bucket whose new objects are uploads. */
  readonly inputBucket: IBucket;
  /** The function that starts a run for an upload. */
  readonly acceptUpload: PipelineFunction;
  /** What becomes of uploads still in the queues when the stack goes. @default RETAIN */
  readonly removalPolicy?: RemovalPolicy;
}

/** From a new object to a call of accept-upload: a rule, a queue, and a place for whatever could not be delivered or accepted. */
export class UploadIntake extends Construct {
  readonly queue: Queue;
  /** Messages that accept-upload failed on again and again. */
  readonly unaccepted: DeadLetterQueue;
  /** Events that did not reach the queue. */
  readonly undelivered: DeadLetterQueue;

  constructor(scope: Construct, id: string, { inputBucket, acceptUpload, removalPolicy = RemovalPolicy.RETAIN }: UploadIntakeProps) {
    super(scope, id);
    this.undelivered = new DeadLetterQueue(this, 'Undelivered', { removalPolicy });
    this.unaccepted = new DeadLetterQueue(this, 'Unaccepted', { removalPolicy });
    this.queue = new Queue(this, 'Queue', {
      visibilityTimeout: Duration.seconds(VISIBILITY_TIMEOUTS * acceptUpload.function.timeout!.toSeconds()),
      retentionPeriod: Duration.days(14),
      deadLetterQueue: { queue: this.unaccepted, maxReceiveCount: MAX_RECEIVES },
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      removalPolicy,
    });

    new Rule(this, 'NewObjects', {
      description: 'Every new object of the input bucket',
      eventPattern: { source: ['aws.s3'], detailType: ['Object Created'], detail: { bucket: { name: [inputBucket.bucketName] } } },
      targets: [new SqsQueue(this.queue, { deadLetterQueue: this.undelivered })],
    });

    // What Lambda's poller needs. Source: Lambda developer guide, AWSLambdaSQSQueueExecutionRole.
    acceptUpload.role.addToPolicy(
      new PolicyStatement({
        actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
        resources: [this.queue.queueArn],
      }),
    );
    new EventSourceMapping(this, 'Poller', {
      target: acceptUpload.function,
      eventSourceArn: this.queue.queueArn,
      batchSize: 10,
      reportBatchItemFailures: true,
    });
  }
}
