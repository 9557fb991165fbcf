import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Construct } from 'constructs';
import type { PipelineFunction } from './pipeline-function.ts';

/** How often somebody looks for runs that do not end: four times in the hour that an alarm looks at, so that one look may fail. */
const INTERVAL = Duration.minutes(15);

export interface RunWatchProps {
  /** The function that looks. */
  readonly watchRuns: PipelineFunction;
}

/** Looks at the runs at work again and again: Step Functions tells how long an execution took only when it has ended. */
export class RunWatch extends Construct {
  constructor(scope: Construct, id: string, { watchRuns }: RunWatchProps) {
    super(scope, id);
    new Rule(this, 'Schedule', {
      description: 'Looks for runs that do not end',
      schedule: Schedule.rate(INTERVAL),
      // A look that could not be had is followed by the next one.
      targets: [new LambdaFunction(watchRuns.function, { retryAttempts: 0 })],
    });
  }
}
