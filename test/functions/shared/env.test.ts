import { expect, test } from '@jest/globals';
import { readEnv } from '../../../functions/shared/env.ts';

test('reads what is asked for, numbers as numbers', () => {
  const source = { WORK_BUCKET: 'work', MODEL_CONCURRENCY: '16', MODEL_BASE_URL: 'http://localhost:1/v1', RESULTS_BUCKET: '' };
  expect(readEnv(['workBucket', 'modelConcurrency', 'modelBaseUrl'], source)).toEqual({
    workBucket: 'work',
    modelConcurrency: 16,
    modelBaseUrl: 'http://localhost:1/v1',
  });
});

test('names every variable that is missing or wrong, at once, and none that is right', () => {
  const source = { WORK_BUCKET: 'work', MODEL_CONCURRENCY: 'many', MODEL_BASE_URL: 'secret-host', RESULTS_BUCKET: '' };
  const read = () => readEnv(['workBucket', 'modelConcurrency', 'modelBaseUrl', 'resultsBucket', 'eventBus'], source);
  expect(read).toThrow(expect.objectContaining({ name: 'ConfigError', code: 'invalid_environment' }));
  try {
    read();
  } catch (error) {
    const { message } = error as Error;
    expect(message.split('\n').map((line) => line.split(':')[0])).toEqual([
      'The environment is incomplete',
      'MODEL_CONCURRENCY',
      'MODEL_BASE_URL',
      'RESULTS_BUCKET',
      'EVENT_BUS_NAME',
    ]);
    expect(message).not.toContain('secret-host');
  }
});

test.each(['0', '-1', '2.5', '10001', '', ' '])('%j is no number of calls in flight', (MODEL_CONCURRENCY) => {
  expect(() => readEnv(['modelConcurrency'], { MODEL_CONCURRENCY })).toThrow('MODEL_CONCURRENCY');
});
