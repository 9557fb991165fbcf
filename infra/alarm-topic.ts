import { Stack } from 'aws-cdk-lib';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';

export interface AlarmTopicProps {
  /** Address that is told. Its owner gets a message of SNS and has to agree. */
  readonly email: string;
}

/** A topic that the alarms of this account may write to, over TLS only, and that tells one address. */
export class AlarmTopic extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string, { email }: AlarmTopicProps) {
    super(scope, id);
    this.topic = new Topic(this, 'Topic', { displayName: 'Hundredfold alarms', enforceSSL: true });
    // A policy of its own replaces SNS's default one, under which everything in the account may publish.
    const { account } = Stack.of(this);
    this.topic.grantPublish(
      new ServicePrincipal('cloudwatch.amazonaws.com', { conditions: { StringEquals: { 'aws:SourceAccount': account } } }),
    );
    this.topic.addSubscription(new EmailSubscription(email));
  }
}
