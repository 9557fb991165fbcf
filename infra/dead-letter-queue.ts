import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

export interface DeadLetterQueueProps {
  /** What becomes of the queue, and so of the messages that nobody has looked at, when the stack goes. @default RETAIN */
  readonly removalPolicy?: RemovalPolicy;
}

/** A queue of what could not be delivered or handled, kept for the longest that SQS keeps a message. */
export class DeadLetterQueue extends Queue {
  constructor(scope: Construct, id: string, { removalPolicy = RemovalPolicy.RETAIN }: DeadLetterQueueProps = {}) {
    super(scope, id, { retentionPeriod: Duration.days(14), encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true, removalPolicy });
  }
}
