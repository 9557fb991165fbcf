import { expect, test } from '@jest/globals';
import { ConfigError, ModelUnavailableError } from '../../functions/shared/errors.ts';
import { RunWarnings } from '../../local/run-warnings.ts';

function open(calls = 0) {
  const told: string[] = [];
  const clock = { now: 1_000_000 };
  return {
    warnings: new RunWarnings(
      { calls },
      (line) => told.push(line),
      () => clock.now,
    ),
    told,
    clock,
  };
}
const silence = () => new ModelUnavailableError('127.0.0.1:9 does not answer.', { code: 'no_connection' });

test('an endpoint that has not answered once is told once', () => {
  const { warnings, told } = open();
  for (let batch = 0; batch < 16; batch++) warnings.stepFailed(silence());
  expect(told).toEqual(['127.0.0.1:9 does not answer. Trying again, each batch up to 8 times.']);
});

test('one that has answered before is silent now and then, and so are batches of a run that was halted', () => {
  const answering = open(1);
  answering.warnings.stepFailed(silence());
  const halted = open();
  halted.warnings.stepFailed(new ModelUnavailableError('halted', { code: 'halted' }));
  halted.warnings.stepFailed(new ConfigError('something else', { code: 'usage' }));
  expect([answering.told, halted.told]).toEqual([[], []]);
});

test('trouble of the disk is told once', () => {
  const { warnings, told } = open(5);
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { syscall: 'write', code: 'ENOSPC' });
  for (let batch = 0; batch < 3; batch++) warnings.stepFailed(full);
  expect(told).toEqual(['ENOSPC: no space left on device, write']);
});

test('a wait is told from half a minute on, and once for as long as it lasts', () => {
  const { warnings, told, clock } = open(5);
  warnings.waiting(29);
  warnings.waiting(60);
  clock.now += 59_999;
  warnings.waiting(60);
  expect(told).toHaveLength(1);
  clock.now += 1;
  warnings.waiting(90);
  expect(told).toEqual([expect.stringContaining('wait 1 min 0 s.'), expect.stringContaining('wait 1 min 30 s.')]);
});
