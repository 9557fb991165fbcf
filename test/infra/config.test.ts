import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { configKeys, readConfig } from '../../infra/config.ts';

const messageOf = (context: unknown): string => {
  try {
    readConfig(context);
  } catch (error) {
    expect(error).toMatchObject({ name: 'ConfigError' });
    return (error as Error).message;
  }
  throw new Error('It was accepted');
};

describe('configuration', () => {
  test('has a default for everything', () => {
    expect(readConfig(undefined)).toEqual({
      name: 'hundredfold',
      stage: null,
      modelBaseUrl: null,
      modelKeySecret: null,
      settings: {},
      maxCostUsdPerDay: null,
      modelConcurrency: 100,
      memoryMb: {},
      inputBucketName: null,
      resultsBucketName: null,
      encryptionKeyArn: null,
      athenaScanLimitGb: 10,
      runRetentionDays: 30,
      contentRetentionDays: 400,
      oldVersionRetentionDays: 90,
      logRetentionDays: 30,
      alarmEmail: null,
      alarmTopicArn: null,
      alarmRunHours: 24,
      alarmThrottledPercentage: 20,
      alarmErrorPercentage: 20,
      alarmSpendUsdPerHour: 10,
      destroyOnDelete: false,
    });
  });

  test('is described key by key, each with its default', () => {
    const page = readFileSync(new URL('../../docs/deployment.md', import.meta.url), 'utf8');
    const described = new Map([...page.matchAll(/^\| `(\w+)` \| (.*?) \| .{20}/gm)].map(([, key, value]) => [key, value]));
    expect([...described.keys()]).toEqual(configKeys);
    for (const [key, value] of Object.entries(readConfig({}))) {
      if (typeof value === 'number' || typeof value === 'boolean') expect([key, described.get(key)]).toEqual([key, String(value)]);
    }
  });

  test('takes the command line’s text as well as an object of cdk.json', () => {
    expect(readConfig('{"stage": "dev"}')).toEqual(readConfig({ stage: 'dev' }));
    expect(readConfig({ stage: 'dev' }).name).toBe('hundredfold-dev');
  });

  test('refuses unknown keys and wrong values, all in one message', () => {
    const message = messageOf({ destroyOnDelet: true, stages: 1, stage: 'Dev', modelBaseUrl: 'ftp://host/', logRetentionDays: 8 });
    expect(message).toContain('there is no "destroyOnDelet" (the keys are stage, modelBaseUrl,');
    expect(message).toContain('there is no "stages"');
    expect(message).toContain('stage: must be 1 to 20 lower-case letters');
    expect(message).toContain('modelBaseUrl: The base URL of the model endpoint must start with https:// or http://');
    expect(message).toContain('logRetentionDays: must be one of 1, 3, 5');
  });

  test('takes a secret by its name or its whole ARN, which ends in six characters of Secrets Manager', () => {
    const arn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:team/model-key';
    for (const secret of ['team/model-key', 'a', `${arn}-AbC1eF`])
      expect(readConfig({ modelKeySecret: secret }).modelKeySecret).toBe(secret);
    for (const secret of [arn, 'arn:aws:s3:::bucket', 'sk-abc def', '', 'x"y'])
      expect(messageOf({ modelKeySecret: secret })).toContain('modelKeySecret: must be the name of a secret, or its whole ARN');
  });

  test('refuses settings and budgets in the words of those who would have to keep to them', () => {
    const message = messageOf({
      settings: { temperatur: 1, batchRows: 0 },
      memoryMb: { 'plan-batch': 512 },
      alarmEmail: 'nobody',
      encryptionKeyArn: 'alias/ours',
    });
    expect(message).toContain('settings: settings: there is no setting "temperatur"');
    expect(message).toContain('batchRows: must be a whole number from 1 to 1000, not 0');
    expect(message).toContain('memoryMb');
    expect(message).toContain('alarmEmail');
    expect(message).toContain('encryptionKeyArn: must be the ARN of a KMS key');
    expect(messageOf({ settings: { upload: 'folder' } })).toContain("only the dataset's _hundredfold.json can say what one upload is");
    expect(messageOf({ settings: { instruction: 'x'.repeat(3_000) } })).toContain('they may have 2048 bytes');
  });

  test.each([{ maxCostUsdPerDay: 20 }, { settings: { maxCostUsd: 5 } }])('refuses %j for a model without a known price', (budget) => {
    const own = { modelBaseUrl: 'https://models.example/v1' };
    const settings = { ...(budget.settings ?? {}), model: 'our-own' };
    expect(messageOf({ ...own, ...budget, settings })).toContain('the price of our-own is unknown');
    expect(readConfig({ ...own, ...budget }).name).toBe('hundredfold');
    expect(readConfig({ ...own, settings: { model: 'our-own' } }).settings).toEqual({ model: 'our-own' });
  });

  test('takes an address or a topic for the alarms, not both', () => {
    const alarmTopicArn = 'arn:aws:sns:eu-central-1:123456789012:on-call';
    expect(messageOf({ alarmEmail: 'on-call@example.com', alarmTopicArn })).toContain('alarmEmail: subscribe the address to alarmTopicArn');
    expect(readConfig({ alarmTopicArn }).alarmTopicArn).toBe(alarmTopicArn);
  });

  test.each([
    ['no JSON', '{stage'],
    ['a list', [1]],
    ['a number', '7'],
  ])('refuses %s', (_, context) => {
    expect(messageOf(context)).toContain('"hundredfold"');
  });
});
