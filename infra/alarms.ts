import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, MathExpression, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { kebabCase } from '../functions/shared/settings.ts';
import { type AlarmLimits, alarmDefaults } from './alarm-limits.ts';
import { type MetricOptions, pipelineMetric } from './metrics.ts';

/** Where the runbook lies, from the repository's root. */
export const RUNBOOK = 'docs/runbook.md';

/** Calls below which a share says nothing. */
const CALLS_THAT_COUNT = 20;

const HOUR = Duration.hours(1);
const QUARTER = Duration.minutes(15);

export interface AlarmsProps {
  /** Name of the deployment. */
  readonly deployment: string;
  /** Dead-letter queues: uploads that were not accepted or delivered, runs that were not closed. */
  readonly deadLetterQueues: Readonly<Record<'uploadNotAccepted' | 'uploadNotDelivered' | 'runNotClosed', IQueue>>;
  readonly stateMachine: StateMachine;
  /** Who is told. @default nobody: the alarms are in the console alone */
  readonly topic?: ITopic;
  /** When they ring. @default alarmDefaults */
  readonly limits?: AlarmLimits;
  /** Address of the runbook, before the anchor. @default RUNBOOK */
  readonly runbook?: string;
}

interface AlarmKind {
  readonly says: string;
  readonly metric: IMetric;
  /** Rings above this. */
  readonly threshold: number;
  readonly periods?: number;
  /** Silence is a reason to ring, too. */
  readonly ringsOnSilence?: true;
}

/** What somebody has to look at. Each alarm names its entry of the runbook. */
export class Alarms extends Construct {
  /** By the ids of their runbook entries. */
  readonly alarms: ReadonlyMap<string, Alarm>;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const { deployment, topic, runbook = RUNBOOK } = props;
    const action = topic && new SnsAction(topic);
    const alarms = new Map<string, Alarm>();
    for (const [kind, { says, metric, threshold, periods = 1, ringsOnSilence }] of Object.entries(alarmKinds(props))) {
      const entry = kebabCase(kind).replace(/^-/, '');
      const alarm = new Alarm(this, kind, {
        alarmName: `${deployment}-${entry}`,
        alarmDescription: `${says} What to do: ${runbook}#${entry}`,
        metric,
        threshold,
        comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluationPeriods: periods,
        treatMissingData: ringsOnSilence ? TreatMissingData.MISSING : TreatMissingData.NOT_BREACHING,
      });
      if (action) {
        alarm.addAlarmAction(action);
        alarm.addOkAction(action);
        if (ringsOnSilence) alarm.addInsufficientDataAction(action);
      }
      alarms.set(entry, alarm);
    }
    this.alarms = alarms;
  }
}

function alarmKinds({ deployment, deadLetterQueues, stateMachine, limits }: AlarmsProps): Record<string, AlarmKind> {
  const { runHours, throttledPercentage, errorPercentage, spendUsdPerHour } = { ...alarmDefaults, ...limits };
  const metric = (name: Parameters<typeof pipelineMetric>[1], options?: MetricOptions) => pipelineMetric(deployment, name, options);
  const waiting = (queue: IQueue) => queue.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum' });
  /** Percent of the model calls of a quarter of an hour, 0 where there were too few to say. */
  const shareOfCalls = (part: 'ModelThrottles' | 'ModelErrors') =>
    new MathExpression({
      expression: `IF(calls >= ${CALLS_THAT_COUNT}, 100 * part / calls, 0)`,
      usingMetrics: { calls: metric('ModelCalls', { period: QUARTER }), part: metric(part, { period: QUARTER }) },
      period: QUARTER,
      label: `${part} in percent of the calls`,
    });

  return {
    UploadNotAccepted: {
      says: 'Uploads were set aside because accept-upload failed on them again and again.',
      metric: waiting(deadLetterQueues.uploadNotAccepted),
      threshold: 0,
    },
    UploadNotDelivered: {
      says: 'Events of uploads did not reach the queue.',
      metric: waiting(deadLetterQueues.uploadNotDelivered),
      threshold: 0,
    },
    RunNotClosed: {
      says: 'Executions ended and finish-run could not close their runs.',
      metric: waiting(deadLetterQueues.runNotClosed),
      threshold: 0,
    },
    RunFailed: {
      says: 'A run failed.',
      metric: metric('RunsFailed'),
      threshold: 0,
    },
    // The same told by somebody else, in an alarm of its own: a sum of metrics of which one has never been told has no value.
    ExecutionFailed: {
      says: 'An execution failed: its run did, or was not closed.',
      metric: stateMachine.metricFailed({ statistic: 'Sum' }),
      threshold: 0,
    },
    RunOld: {
      says: `A run has been at work for more than ${runHours} hours, or nobody has looked for an hour.`,
      metric: metric('OldestRunAge', { statistic: 'Maximum', period: HOUR }),
      threshold: runHours * 3600,
      ringsOnSilence: true,
    },
    ModelThrottled: {
      says: `More than ${throttledPercentage} % of the model calls have been throttled (429) for half an hour.`,
      metric: shareOfCalls('ModelThrottles'),
      threshold: throttledPercentage,
      periods: 2,
    },
    ModelErrors: {
      says: `More than ${errorPercentage} % of the model calls have failed for half an hour, throttled ones not counted.`,
      metric: shareOfCalls('ModelErrors'),
      threshold: errorPercentage,
      periods: 2,
    },
    SpendRate: {
      says: `Model calls have cost more than $${spendUsdPerHour} within one hour.`,
      metric: metric('CostUsd', { period: HOUR }),
      threshold: spendUsdPerHour,
    },
  };
}
