import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { AwsSolutionsChecks } from 'cdk-nag';
import { METRIC_NAMESPACE, metricNames } from '../../functions/shared/metrics.ts';
import { RUNBOOK } from '../../infra/alarms.ts';
import { synthesize } from './synthesized.ts';

const deployed = synthesize({ stage: 'dev' });
const told = synthesize({ alarmEmail: 'on-call@example.com', alarmRunHours: 6, alarmSpendUsdPerHour: 2.5 });

const runbook = readFileSync(new URL(`../../${RUNBOOK}`, import.meta.url), 'utf8');
/** Text of each section by its anchor. */
const entries = new Map(
  runbook
    .split(/^## /m)
    .slice(1)
    .map((section) => [
      section
        .slice(0, section.indexOf('\n'))
        .toLowerCase()
        .replaceAll(' ', '-')
        .replace(/[^a-z0-9-]/g, ''),
      section,
    ]),
);

interface MetricStat {
  Metric: { Namespace: string; MetricName: string; Dimensions: { Name: string; Value: string }[] };
  Stat: string;
  Period: number;
}

const alarms = deployed.ofType('AWS::CloudWatch::Alarm').map(([path, { Properties }]) => ({ path, ...Properties }));

const metricsOf = (alarm: (typeof alarms)[number]): MetricStat['Metric'][] =>
  alarm.Metrics
    ? alarm.Metrics.flatMap(({ MetricStat }: { MetricStat?: MetricStat }) => (MetricStat ? [MetricStat.Metric] : []))
    : [{ Namespace: alarm.Namespace, MetricName: alarm.MetricName, Dimensions: alarm.Dimensions }];

describe('alarms', () => {
  test('are these', () => {
    expect(alarms.map(({ AlarmName }) => AlarmName).sort()).toEqual(
      [
        'upload-not-accepted',
        'upload-not-delivered',
        'run-not-closed',
        'run-failed',
        'execution-failed',
        'run-old',
        'model-throttled',
        'model-errors',
        'spend-rate',
      ]
        .map((entry) => `hundredfold-dev-${entry}`)
        .sort(),
    );
  });

  test.each(alarms)('$AlarmName says what has happened and names its entry of the runbook, which is whole', (alarm) => {
    const [, entry = ''] = /^[A-Z].+\. What to do: docs\/runbook\.md#([a-z-]+)$/.exec(alarm.AlarmDescription) ?? [];
    expect(alarm.AlarmName).toBe(`hundredfold-dev-${entry}`);
    const text = entries.get(entry) ?? '';
    for (const part of ['Description', 'Investigation', 'Resolution']) expect(text).toMatch(new RegExp(`\\*\\*${part}\\.\\*\\* .{40}`));
  });

  test('every entry of the runbook that has a resolution has its alarm', () => {
    const resolved = [...entries].filter(([, text]) => text.includes('**Resolution.**')).map(([entry]) => `hundredfold-dev-${entry}`);
    expect(resolved.sort()).toEqual(alarms.map(({ AlarmName }) => AlarmName).sort());
  });

  test.each([
    ['Alarms/UploadNotAccepted', '<Intake/Unaccepted.QueueName>'],
    ['Alarms/UploadNotDelivered', '<Intake/Undelivered.QueueName>'],
    ['Alarms/RunNotClosed', '<Closing/Unclosed.QueueName>'],
  ])('%s rings at the first message', (path, queue) => {
    expect(deployed.at(path)).toMatchObject({
      Namespace: 'AWS/SQS',
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Dimensions: [{ Name: 'QueueName', Value: queue }],
      Statistic: 'Maximum',
      ...{ Threshold: 0, ComparisonOperator: 'GreaterThanThreshold', EvaluationPeriods: 1, TreatMissingData: 'notBreaching' },
    });
  });

  test('there is one for every dead-letter queue', () => {
    const queues = deployed.ofType('AWS::SQS::Queue').map(([path]) => `<${path}.QueueName>`);
    const watched = alarms.flatMap(metricsOf).flatMap(({ Dimensions }) => Dimensions.map(({ Value }) => Value));
    expect(queues.filter((queue) => !watched.includes(queue))).toEqual(['<Intake/Queue.QueueName>']);
  });

  test('a failed run rings by what finish-run says, and in an alarm of its own by what Step Functions says', () => {
    const rings = { Statistic: 'Sum', Threshold: 0, ComparisonOperator: 'GreaterThanThreshold', TreatMissingData: 'notBreaching' };
    expect(deployed.at('Alarms/RunFailed')).toMatchObject({ Namespace: METRIC_NAMESPACE, MetricName: 'RunsFailed', ...rings });
    expect(deployed.at('Alarms/ExecutionFailed')).toMatchObject({
      ...{ Namespace: 'AWS/States', MetricName: 'ExecutionsFailed', ...rings },
      Dimensions: [{ Name: 'StateMachineArn', Value: '<Workflow/StateMachine>' }],
    });
  });

  test('an old run rings after the hours of the configuration, and silence of whoever looks is told, too', () => {
    const alarm = told.at('Alarms/RunOld');
    expect(alarm).toMatchObject({ MetricName: 'OldestRunAge', Statistic: 'Maximum', Threshold: 6 * 3600, TreatMissingData: 'missing' });
    expect(alarm.InsufficientDataActions).toEqual(['<AlarmTopic/Topic>']);
    expect(told.at('Watch/Schedule')).toMatchObject({ ScheduleExpression: 'rate(15 minutes)', State: 'ENABLED' });
    expect(told.at('Watch/Schedule').Targets[0].Arn).toBe('<Steps/watch-runs/Function.Arn>');
  });

  test('dollars ring by the hour', () => {
    expect(told.at('Alarms/SpendRate')).toMatchObject({ MetricName: 'CostUsd', Statistic: 'Sum', Period: 3600, Threshold: 2.5 });
  });

  test.each(['ModelThrottles', 'ModelErrors'])('the share of %s is one of calls, and of enough of them', (part) => {
    const { Metrics } = alarms.find(({ Metrics = [] }) => JSON.stringify(Metrics).includes(`"${part}"`))!;
    const [{ Expression }] = Metrics.filter((metric: { Expression?: string }) => metric.Expression);
    expect(Expression).toBe('IF(calls >= 20, 100 * part / calls, 0)');
    expect(Metrics).toContainEqual(
      expect.objectContaining({
        Id: 'calls',
        MetricStat: expect.objectContaining({ Metric: expect.objectContaining({ MetricName: 'ModelCalls' }) }),
      }),
    );
  });
});

describe('who is told', () => {
  test('nobody, where no address and no topic is configured', () => {
    expect(deployed.ofType('AWS::SNS::Topic')).toEqual([]);
    for (const alarm of alarms) expect(alarm).not.toHaveProperty('AlarmActions');
  });

  test('an address, through a topic that takes messages of this account’s alarms, over TLS only', () => {
    const subscriptions = told.ofType('AWS::SNS::Subscription').map(([, { Properties }]) => Properties);
    expect(subscriptions).toEqual([{ Protocol: 'email', Endpoint: 'on-call@example.com', TopicArn: '<AlarmTopic/Topic>' }]);
    for (const [, { Properties }] of told.ofType('AWS::CloudWatch::Alarm')) {
      expect(Properties.AlarmActions).toEqual(['<AlarmTopic/Topic>']);
      expect(Properties.OKActions).toEqual(['<AlarmTopic/Topic>']);
    }
    const [policy] = told.ofType('AWS::SNS::TopicPolicy').map(([, { Properties }]) => Properties);
    expect(policy.PolicyDocument.Statement).toEqual([
      expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
      {
        Sid: expect.any(String),
        Effect: 'Allow',
        Action: 'sns:Publish',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Resource: '<AlarmTopic/Topic>',
        Condition: { StringEquals: { 'aws:SourceAccount': '<AWS::AccountId>' } },
      },
    ]);
    expect(new AwsSolutionsChecks(told.stack).validateScope(told.stack).violations).toEqual([]);
  });
});

describe('the dashboard', () => {
  const [dashboard] = deployed.ofType('AWS::CloudWatch::Dashboard').map(([, { Properties }]) => Properties);
  const { widgets } = JSON.parse(dashboard.DashboardBody) as {
    widgets: { type: string; properties: { title: string; metrics?: unknown[][]; alarms?: string[] } }[];
  };
  const shown = (title: string) => JSON.stringify(widgets.find(({ properties }) => properties.title === title)?.properties.metrics);

  test('is one, with runs, rows, calls, tokens, cost, latency and 429s', () => {
    expect(dashboard.DashboardName).toBe('hundredfold-dev');
    expect(widgets.map(({ properties }) => properties.title)).toEqual(
      expect.arrayContaining(['Runs that ended', 'Rows of the runs that ended', 'Model calls', 'Tokens', 'Dollars an hour']),
    );
    for (const percentile of ['p50', 'p90', 'p99']) expect(shown('Latency of a call, in ms')).toContain(`"${percentile}"`);
    expect(shown('Throttled (429) and failed calls')).toContain('ModelThrottles');
    expect(widgets[0]?.properties.alarms).toHaveLength(alarms.length);
  });

  test('and the alarms read exactly the metrics that the steps tell, of this deployment alone', () => {
    const read = new Set<string>();
    const deployments = new Set<string>();
    for (const { Namespace, MetricName, Dimensions } of alarms.flatMap(metricsOf)) {
      if (Namespace !== METRIC_NAMESPACE) continue;
      read.add(MetricName);
      for (const { Name, Value } of Dimensions) deployments.add(`${Name}=${Value}`);
    }
    for (const metric of widgets.flatMap(({ properties }) => properties.metrics ?? [])) {
      const [namespace, name, dimension, value] = metric as string[];
      if (namespace !== METRIC_NAMESPACE) continue;
      read.add(name!);
      deployments.add(`${dimension}=${value}`);
    }
    expect([...read].sort()).toEqual([...metricNames].sort());
    expect([...deployments]).toEqual(['deployment=hundredfold-dev']);
  });

  test('searches by the dimensions that there are', () => {
    const searches = [...dashboard.DashboardBody.matchAll(/SEARCH\('\{([^}]*)\} MetricName=\\"(\w+)\\" deployment=\\"([\w-]+)\\"/g)];
    expect(searches).toHaveLength(3);
    for (const [, schema, name, deployment] of searches) {
      expect([schema, deployment]).toEqual(['Hundredfold,deployment,dataset', 'hundredfold-dev']);
      expect(metricNames).toContain(name);
    }
  });
});
