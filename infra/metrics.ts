import { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { METRIC_NAMESPACE, type MetricName, metricDimensions } from '../functions/shared/metrics.ts';

export interface MetricOptions {
  /** @default Sum */
  readonly statistic?: string;
  /** @default 5 minutes */
  readonly period?: Duration;
  readonly label?: string;
}

export const FIVE_MINUTES = Duration.minutes(5);

/** A metric that the steps tell, of all datasets of a deployment. */
export const pipelineMetric = (
  deployment: string,
  metricName: MetricName,
  { statistic = 'Sum', period = FIVE_MINUTES, label }: MetricOptions = {},
) =>
  new Metric({
    namespace: METRIC_NAMESPACE,
    metricName,
    dimensionsMap: { [metricDimensions.deployment]: deployment },
    statistic,
    period,
    ...(label !== undefined && { label }),
  });

/** One line for each dataset that has told of the metric lately. */
export const byDataset = (deployment: string, metricName: MetricName, period: Duration): IMetric => {
  const dimensions = [METRIC_NAMESPACE, metricDimensions.deployment, metricDimensions.dataset].join(',');
  const query = `{${dimensions}} MetricName="${metricName}" ${metricDimensions.deployment}="${deployment}"`;
  return new MathExpression({ expression: `SEARCH('${query}', 'Sum', ${period.toSeconds()})`, period, label: '', usingMetrics: {} });
};
