import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { AwsSolutionsChecks } from 'cdk-nag';
import { Hundredfold, type HundredfoldProps } from '../../infra/hundredfold.ts';
import { synthesize } from './synthesized.ts';

process.env.CDK_VALIDATION = 'false';

/** A stack of somebody else's app, which has none of the flags of cdk.json. */
const foreignStack = (id = 'TheirStack', app = new App({ context: { 'aws:cdk:bundling-stacks': [] } })) => new Stack(app, id);

const resourcesOf = (stack: Stack) =>
  Object.values(Template.fromStack(stack).toJSON().Resources as Record<string, { Type: string; Properties: Record<string, unknown> }>);

const violationsOf = (stack: Stack) => new AwsSolutionsChecks(stack).validateScope(stack).violations;

/** Properties by which AWS tells resources of one account and region apart, where a template sets them. */
const nameProperties: Record<string, readonly string[]> = {
  'AWS::StepFunctions::StateMachine': ['StateMachineName'],
  'AWS::Events::EventBus': ['Name'],
  'AWS::Athena::WorkGroup': ['Name'],
  'AWS::CloudWatch::Dashboard': ['DashboardName'],
  'AWS::CloudWatch::Alarm': ['AlarmName'],
  'AWS::Glue::Database': ['DatabaseInput'],
  'AWS::Logs::LogGroup': ['LogGroupName'],
  'AWS::S3::Bucket': ['BucketName'],
  'AWS::SQS::Queue': ['QueueName'],
  'AWS::SNS::Topic': ['TopicName'],
  'AWS::Lambda::Function': ['FunctionName'],
  'AWS::IAM::Role': ['RoleName'],
  'AWS::DynamoDB::Table': ['TableName'],
  'AWS::SecretsManager::Secret': ['Name'],
  'AWS::Events::Rule': ['Name'],
};
const namesIn = (stack: Stack) =>
  resourcesOf(stack).flatMap(({ Type, Properties }) =>
    (nameProperties[Type] ?? []).flatMap((property) =>
      Properties?.[property] === undefined ? [] : [`${Type} ${JSON.stringify(Properties[property])}`],
    ),
  );

describe('the construct in an app of somebody else', () => {
  test('has the same buckets, roles and workflow as in ours, and nothing that cdk-nag finds', () => {
    const stack = foreignStack();
    new Hundredfold(stack, 'Summaries', { name: 'reviews' });
    expect(violationsOf(stack)).toEqual([]);
    const resources = resourcesOf(stack);
    for (const { Properties } of resources.filter(({ Type }) => Type === 'AWS::S3::Bucket')) {
      expect(Properties).not.toHaveProperty('AccessControl');
      expect(Properties.PublicAccessBlockConfiguration).toMatchObject({ BlockPublicAcls: true, RestrictPublicBuckets: true });
    }
    const kinds = (types: string[]) => types.filter((type) => !/^Custom::|Metadata/.test(type)).sort();
    const ours = synthesize();
    expect(kinds(resources.map(({ Type }) => Type))).toEqual(kinds([...ours.resources.values()].map(({ Type }) => Type)));
  });

  test('twice in one stack has two names for everything', () => {
    const stack = foreignStack();
    new Hundredfold(stack, 'Reviews', { name: 'reviews' });
    new Hundredfold(stack, 'Tickets', { name: 'tickets', destroyOnDelete: true });
    expect(violationsOf(stack)).toEqual([]);
    const names = namesIn(stack);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('AWS::StepFunctions::StateMachine "reviews"');
    expect(names).toContain('AWS::StepFunctions::StateMachine "tickets"');
  });

  test('refuses the name of another pipeline in the stack, and one that AWS would not take', () => {
    const stack = foreignStack();
    new Hundredfold(stack, 'Reviews');
    expect(() => new Hundredfold(stack, 'Tickets')).toThrow('the stack has a pipeline "hundredfold" already');
    expect(() => new Hundredfold(stack, 'Others', { name: 'Reviews 2' })).toThrow('must be 1 to 32 lower-case letters');
  });

  test.each<[string, HundredfoldProps]>([
    ['there is no setting', { settings: { modell: 'gpt-6-luna' } as object }],
    ['the price of our-own is unknown', { settings: { model: 'our-own' }, maxCostUsdPerDay: 5 }],
    ['must start with https://', { modelBaseUrl: 'ftp://models.example' }],
  ])('refuses props: %s', (words, props) => {
    expect(() => new Hundredfold(foreignStack(), 'Summaries', props)).toThrow(words);
  });

  test('takes their buckets, key and topic', () => {
    const stack = foreignStack();
    const encryptionKey = new Key(stack, 'Key', { enableKeyRotation: true });
    const theirs = { enforceSSL: true, serverAccessLogsPrefix: 'access/' };
    const { buckets } = new Hundredfold(stack, 'Summaries', {
      encryptionKey,
      inputBucket: Bucket.fromBucketName(stack, 'Uploads', 'their-uploads'),
      resultsBucket: new Bucket(stack, 'Tables', { ...theirs, encryptionKey }),
      alarmTopic: new Topic(stack, 'OnCall', { enforceSSL: true }),
    });
    expect(violationsOf(stack)).toEqual([]);
    expect(buckets.input.bucketName).toBe('their-uploads');
    const alarms = resourcesOf(stack).filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm');
    for (const { Properties } of alarms) expect(Properties.AlarmActions).toEqual([{ Ref: expect.stringMatching(/^OnCall/) }]);
  });
});

test('two stages in one account have no name in common', () => {
  const stages = [synthesize({ stage: 'dev' }), synthesize({ stage: 'prod' }), synthesize()];
  const names = stages.flatMap(({ stack }) => namesIn(stack));
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThan(3 * 12);
  expect(new Set(stages.map(({ stack }) => stack.stackName)).size).toBe(3);
});

test('every prop is described and says what it is when it is left out', () => {
  const source = readFileSync(new URL('../../infra/hundredfold.ts', import.meta.url), 'utf8');
  const [, body = ''] = /export interface HundredfoldProps \{\n([\s\S]*?)\n\}/.exec(source) ?? [];
  const props = [...body.matchAll(/(?: {2}\/\*\* (.*) \*\/\n)? {2}readonly (\w+)\??:/g)];
  expect(props.length).toBeGreaterThan(15);
  for (const [, doc, name] of props) expect([name, doc]).toEqual([name, expect.stringMatching(/^[A-Z].+ @default \S+/)]);
});
