import { describe, expect, test } from '@jest/globals';
import { emfMetrics, type MetricSubject, type MetricValues } from '../../../functions/shared/metrics.ts';

function lineOf(values: MetricValues, subject: MetricSubject = {}) {
  const lines: string[] = [];
  emfMetrics({ deployment: 'hundredfold-dev', write: (line) => lines.push(line), now: () => 1_764_000_000_000 }).tell(values, subject);
  expect(lines.length).toBeLessThanOrEqual(1);
  expect(lines[0] ?? '{}\n').toMatch(/^[^\n]+\n$/);
  return lines[0] === undefined ? undefined : JSON.parse(lines[0]);
}

describe('a line of metrics', () => {
  test('is what CloudWatch takes numbers from, of the deployment and of the dataset', () => {
    const subject = { dataset: 'support', runId: 'july-1', attempt: 2, batchLevel: 0, batchId: 7 };
    expect(lineOf({ ModelCalls: 1, ModelLatency: 900, CostUsd: 0.00015 }, subject)).toEqual({
      _aws: {
        Timestamp: 1_764_000_000_000,
        CloudWatchMetrics: [
          {
            Namespace: 'Hundredfold',
            Dimensions: [['deployment'], ['deployment', 'dataset']],
            Metrics: [
              { Name: 'ModelCalls', Unit: 'Count' },
              { Name: 'ModelLatency', Unit: 'Milliseconds' },
              { Name: 'CostUsd', Unit: 'None' },
            ],
          },
        ],
      },
      deployment: 'hundredfold-dev',
      ...subject,
      ...{ ModelCalls: 1, ModelLatency: 900, CostUsd: 0.00015 },
    });
  });

  test('without a dataset is of the deployment alone; without numbers there is none', () => {
    const line = lineOf({ OpenRuns: 0 });
    expect(line._aws.CloudWatchMetrics[0].Dimensions).toEqual([['deployment']]);
    expect(line).not.toHaveProperty('dataset');
    expect(lineOf({}, { dataset: 'support' })).toBeUndefined();
  });

  // CloudWatch drops a metric whose dimension has no value, or one that is not ASCII.
  test.each([
    ['support', 'support'],
    ['Kunden 2026', 'Kunden 2026'],
    ['größe', 'gr%C3%B6%C3%9Fe'],
    ['評価🦊', '%E8%A9%95%E4%BE%A1%F0%9F%A6%8A'],
    [' ', '%20'],
    ['line\nbreak', 'line%0Abreak'],
    ['lone \ud800', 'lone %EF%BF%BD'],
    ['é'.repeat(600), '%C3%A9'.repeat(600).slice(0, 1024)],
  ])('of dataset %j has the dimension %j', (dataset, value) => {
    expect(lineOf({ ModelCalls: 1 }, { dataset }).dataset).toBe(value);
  });
});
