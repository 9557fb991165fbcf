import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { DeadLetterQueue } from './dead-letter-queue.ts';
import type { PipelineFunction } from './pipeline-function.ts';

/** Ends of an execution that run no Catch branch, or that the Catch branch itself did not survive. */
const FAILED_STATUSES = ['FAILED', 'TIMED_OUT', 'ABORTED'];

export interface RunClosingProps {
  /** The workflow whose executions are watched. */
  readonly stateMachine: StateMachine;
  /** The function that closes a run. It gets the whole event. */
  readonly finishRun: PipelineFunction;
  /** What becomes of events that closed no run when the stack goes. @default RETAIN */
  readonly removalPolicy?: RemovalPolicy;
}

/** Calls finish-run for every execution that ends without having done so itself, so that no run is left open. */
export class RunClosing extends Construct {
  /** Events that finish-run did not get, or failed on. */
  readonly unclosed: DeadLetterQueue;

  constructor(scope: Construct, id: string, { stateMachine, finishRun, removalPolicy = RemovalPolicy.RETAIN }: RunClosingProps) {
    super(scope, id);
    this.unclosed = new DeadLetterQueue(this, 'Unclosed', { removalPolicy });

    new Rule(this, 'FailedExecutions', {
      description: 'Executions that ended without closing their run',
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        // Children of a distributed map carry `<ARN>/<label>` and do not match.
        detail: { status: FAILED_STATUSES, stateMachineArn: [stateMachine.stateMachineArn] },
      },
      targets: [new LambdaFunction(finishRun.function, { deadLetterQueue: this.unclosed })],
    });

    // The rule's queue takes what it cannot hand to Lambda; what Lambda took and the function failed on ends here.
    finishRun.role.addToPolicy(new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [this.unclosed.queueArn] }));
    finishRun.function.configureAsyncInvoke({
      retryAttempts: 2,
      maxEventAge: Duration.hours(6),
      onFailure: { bind: () => ({ destination: this.unclosed.queueArn }) },
    });
  }
}
