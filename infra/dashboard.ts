import { Duration } from 'aws-cdk-lib';
import {
  type Alarm,
  AlarmStatusWidget,
  Dashboard as CloudWatchDashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  PeriodOverride,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { MetricName } from '../functions/shared/metrics.ts';
import { byDataset, FIVE_MINUTES, pipelineMetric } from './metrics.ts';

const HOUR = Duration.hours(1);

export interface DashboardProps {
  /** Name of the deployment, and of the dashboard. */
  readonly deployment: string;
  readonly alarms: readonly Alarm[];
  /** Queues whose length is shown, each under its name. */
  readonly queues: Readonly<Record<string, IQueue>>;
}

/** What goes on in a deployment, on one page. */
export class Dashboard extends Construct {
  constructor(scope: Construct, id: string, { deployment, alarms, queues }: DashboardProps) {
    super(scope, id);
    const sum = (period: Duration, ...names: MetricName[]) => names.map((name) => pipelineMetric(deployment, name, { period }));
    const latency = (statistic: string) => pipelineMetric(deployment, 'ModelLatency', { statistic, label: statistic });
    const largest = (name: MetricName) => pipelineMetric(deployment, name, { statistic: 'Maximum' });

    new CloudWatchDashboard(this, 'Dashboard', {
      dashboardName: deployment,
      periodOverride: PeriodOverride.INHERIT,
      defaultInterval: Duration.days(1),
      widgets: [
        [new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: 24, height: 3 })],
        [
          graph('Runs that ended', sum(HOUR, 'RunsComplete', 'RunsPartial', 'RunsFailed', 'RunsHalted', 'RunsRejected')),
          graph('Runs at work', [largest('OpenRuns')], [largest('OldestRunAge')]),
          graph('Rows of the runs that ended', sum(HOUR, 'RowsRead', 'RowsSummarized', 'RowsFailed', 'RowsRejected')),
        ],
        [
          graph('Model calls', sum(FIVE_MINUTES, 'ModelCalls')),
          graph('Throttled (429) and failed calls', sum(FIVE_MINUTES, 'ModelThrottles', 'ModelErrors')),
          graph('Latency of a call, in ms', ['p50', 'p90', 'p99'].map(latency)),
        ],
        [
          graph('Tokens', sum(FIVE_MINUTES, 'InputTokens', 'OutputTokens')),
          graph('Dollars an hour', sum(HOUR, 'CostUsd')),
          graph('Messages in queues', Object.entries(queues).map(queueLength)),
        ],
        [
          graph('Rows summarized, by dataset', [byDataset(deployment, 'RowsSummarized', HOUR)]),
          graph('Model calls, by dataset', [byDataset(deployment, 'ModelCalls', HOUR)]),
          graph('Dollars an hour, by dataset', [byDataset(deployment, 'CostUsd', HOUR)]),
        ],
      ] satisfies IWidget[][],
    });
  }
}

const graph = (title: string, left: IMetric[], right: IMetric[] = []) =>
  new GraphWidget({ title, left, right, width: 8, height: 6, leftYAxis: { min: 0 }, rightYAxis: { min: 0 } });

const queueLength = ([label, queue]: [string, IQueue]) =>
  queue.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: FIVE_MINUTES, label });
