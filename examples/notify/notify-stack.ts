import { CfnOutput, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import { EventBus, EventField, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { EVENT_SOURCE, type RunEventType } from '../../functions/shared/run-event.ts';
import { DeadLetterQueue } from '../../infra/dead-letter-queue.ts';

export interface NotifyStackProps extends StackProps {
  /** Bus of the deployed pipeline: its output EventBusName. */
  readonly eventBusName: string;
  /** Who gets the messages. SNS asks the owner of the address to confirm. @default nobody: subscribe to the topic later */
  readonly email?: string | undefined;
}

const detailType: RunEventType[] = ['Run Completed'];

/** A message through SNS, in one sentence, for each run that completes. */
export class NotifyStack extends Stack {
  constructor(scope: Construct, id: string, { eventBusName, email, ...props }: NotifyStackProps) {
    super(scope, id, { description: 'Hundredfold example: a message when a run completes', ...props });

    const topic = new Topic(this, 'Runs', { displayName: 'Hundredfold', enforceSSL: true });
    if (email !== undefined) topic.addSubscription(new EmailSubscription(email));
    const undelivered = new DeadLetterQueue(this, 'Undelivered');

    // Names of files and datasets may hold quotes, which would break the template's JSON; ids, numbers and the query hold none.
    const field = (name: string) => EventField.fromPath(`$.detail.${name}`);
    const sentence =
      `Run ${field('runId')} is ${field('status')}: ${field('rowsSummarized')} of ${field('rowsIn')} rows summarized in ` +
      `${field('batches')} batches, ${field('rowsFailed')} failed, ${field('rowsRejected')} rejected. Look at it in Athena: ${field('query')}`;

    new Rule(this, 'Completed', {
      description: 'Runs that completed',
      eventBus: EventBus.fromEventBusName(this, 'Bus', eventBusName),
      eventPattern: { source: [EVENT_SOURCE], detailType },
      targets: [
        new SnsTopic(topic, {
          message: RuleTargetInput.fromText(sentence),
          // Else the topic would take messages from the rules of anybody.
          authorizeUsingRole: true,
          deadLetterQueue: undelivered,
        }),
      ],
    });

    new CfnOutput(this, 'TopicArn', { value: topic.topicArn, description: 'Subscribe here' });

    Validations.of(undelivered).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'It is the dead-letter queue of a rule, which the check does not look at.',
    });
  }
}
