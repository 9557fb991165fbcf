import { expect, test } from '@jest/globals';
import type { RunRecord } from '../../../local/local-run.ts';
import { type Again, commandLine, nextStep } from '../../../local/next-step.ts';

test('the command as it was typed: by its npm script, else by the name of the program', () => {
  const argv = ['run', 'my file.csv', '--limit', '10'];
  expect(commandLine(argv, { npm_lifecycle_event: 'start' })).toBe("npm start -- 'my file.csv' --limit 10");
  expect(commandLine(['run'], { npm_lifecycle_event: 'start' })).toBe('npm start');
  expect(commandLine(['redrive', '--out', 'x'], { npm_lifecycle_event: 'redrive' })).toBe('npm run redrive -- --out x');
  expect(commandLine(argv, {})).toBe("hundredfold run 'my file.csv' --limit 10");
  expect(commandLine(argv, { npm_lifecycle_event: 'jest' })).toBe("hundredfold run 'my file.csv' --limit 10");
});

const again: Again = (...more) => ['AGAIN', ...more].join(' ');
const stepOf = (record: RunRecord) =>
  nextStep({ run_id: 'july-1', settings: '{"maxCostUsd":0.5}', estimated_cost_usd: 0.1, ...record }, again, 'hundredfold-data');

test('every end that is not complete says what to do, with the command to type', () => {
  expect(stepOf({ status: 'complete' })).toBeNull();
  expect(stepOf({ status: 'halted', stop_reason: 'interrupted' })).toBe('To go on: AGAIN');
  expect(stepOf({ status: 'halted', stop_reason: 'quota_exhausted: insufficient_quota' })).toMatch(/credit.*go on: AGAIN$/);
  expect(stepOf({ status: 'halted', stop_reason: 'model_access: invalid_api_key' })).toMatch(/OPENAI_API_KEY.*go on: AGAIN$/);
  expect(stepOf({ status: 'halted', stop_reason: 'breaker: 30 of the first 30 batches failed' })).toMatch(/go on: AGAIN$/);
  expect(stepOf({ status: 'halted', stop_reason: 'storage: ENOSPC' })).toMatch(/^The disk is full.*go on: AGAIN$/);
  expect(stepOf({ status: 'failed' })).toMatch(/go on: AGAIN$/);
  expect(stepOf({ status: 'partial', batches_failed: 2 })).toBe('To ask again for what failed: npm run redrive -- july-1');
  expect(stepOf({ status: 'partial', batches_failed: 0 })).toBe('What failed, and why: npm run query -- --named failures --run july-1');
});

test('a cap is raised to what the run may cost, or doubled', () => {
  const halted = { status: 'halted', stop_reason: 'budget_exceeded' };
  expect(stepOf({ ...halted, estimated_cost_usd: 1.234 })).toBe('To go on with a higher cap: AGAIN --max-cost-usd 1.3');
  expect(stepOf(halted)).toBe('To go on with a higher cap: AGAIN --max-cost-usd 1');
  expect(stepOf({ ...halted, settings: '{"maxCostUsd":0.00025}', estimated_cost_usd: null })).toMatch(/ 0\.0005$/);
});
