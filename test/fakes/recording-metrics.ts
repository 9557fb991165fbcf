import type { MetricName, MetricSubject, Metrics, MetricValues } from '../../functions/shared/metrics.ts';

export class RecordingMetrics implements Metrics {
  readonly told: { values: MetricValues; subject: MetricSubject }[] = [];

  tell(values: MetricValues, subject: MetricSubject): void {
    this.told.push({ values, subject });
  }

  /** What a metric adds up to. */
  sum(name: MetricName): number {
    return this.told.reduce((sum, { values }) => sum + (values[name] ?? 0), 0);
  }
}
