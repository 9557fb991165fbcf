import { describe, expect, test } from '@jest/globals';
import { readConfig } from '../../infra/config.ts';

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
      modelConcurrency: 100,
      athenaScanLimitGb: 10,
      runRetentionDays: 30,
      contentRetentionDays: 400,
      logRetentionDays: 30,
      destroyOnDelete: false,
    });
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

  test.each([
    ['no JSON', '{stage'],
    ['a list', [1]],
    ['a number', '7'],
  ])('refuses %s', (_, context) => {
    expect(messageOf(context)).toContain('"hundredfold"');
  });
});
