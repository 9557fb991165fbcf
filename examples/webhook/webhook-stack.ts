import { Duration, SecretValue, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import { ApiDestination, Authorization, Connection, EventBus, HttpMethod, Rule } from 'aws-cdk-lib/aws-events';
import { ApiDestination as ApiDestinationTarget } from 'aws-cdk-lib/aws-events-targets';
import type { Construct } from 'constructs';
import { EVENT_SOURCE, type RunEventType } from '../../functions/shared/run-event.ts';
import { DeadLetterQueue } from '../../infra/dead-letter-queue.ts';

export interface WebhookStackProps extends StackProps {
  /** Bus of the deployed pipeline: its output EventBusName. */
  readonly eventBusName: string;
  /** Address that takes a POST with the event as JSON. */
  readonly url: string;
  /** Name of the secret whose whole string is the value of the header. It exists before the stack. */
  readonly secretName: string;
  /** Header that proves who is calling. @default 'Authorization' */
  readonly header?: string;
}

/** Every end of a run; whoever wants to know of the start, too, adds it. */
const detailType: RunEventType[] = ['Run Completed', 'Run Failed', 'Run Halted', 'Upload Rejected'];

/** A POST to an address of yours for each run that ends. */
export class WebhookStack extends Stack {
  constructor(scope: Construct, id: string, { eventBusName, url, secretName, header = 'Authorization', ...props }: WebhookStackProps) {
    super(scope, id, { description: 'Hundredfold example: a webhook when a run ends', ...props });

    const connection = new Connection(this, 'Connection', {
      description: 'How Hundredfold proves itself to the webhook',
      // Resolved by CloudFormation when it deploys: the template holds the secret's name only.
      authorization: Authorization.apiKey(header, SecretValue.secretsManager(secretName)),
    });
    const destination = new ApiDestination(this, 'Webhook', {
      connection,
      endpoint: url,
      httpMethod: HttpMethod.POST,
      rateLimitPerSecond: 10,
    });
    const undelivered = new DeadLetterQueue(this, 'Undelivered');

    new Rule(this, 'Ended', {
      description: 'Runs that ended, however',
      eventBus: EventBus.fromEventBusName(this, 'Bus', eventBusName),
      eventPattern: { source: [EVENT_SOURCE], detailType },
      targets: [
        new ApiDestinationTarget(destination, {
          // A receiver that is down for a night still hears of the run; one that answers 4xx does not get better.
          maxEventAge: Duration.hours(24),
          retryAttempts: 100,
          deadLetterQueue: undelivered,
        }),
      ],
    });

    Validations.of(undelivered).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'It is the dead-letter queue of a rule, which the check does not look at.',
    });
  }
}
