import { afterAll, afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { manifestKey, outcomeKey } from '../../functions/shared/object-keys.ts';
import { executionArn } from '../fakes/execution-event.ts';
import { type FakeStack, json, KEY, refused, startFakeStack } from './fake-stack.ts';
import { callProgram } from './in-process.ts';
import { cleanUp, newFolder } from './program.ts';

// Each command is a process of its own, a second or more on a busy machine.
jest.setTimeout(120_000);

let stack: FakeStack;
beforeEach(async () => {
  stack = await startFakeStack();
});
afterEach(() => stack.close());
afterAll(cleanUp);

test('status lists the runs of a stack with their progress, and shows one', async () => {
  await stack.drop();
  const older = await stack.submit();
  expect(json(await stack.command('status', '--stack', '--json'))).toMatchObject([{ run_id: older, status: 'running', progress: null }]);
  stack.failBatches(1);
  await stack.work(`${older}-1`);
  await stack.redrive(older, '--max-cost-usd', '5');
  await stack.stores.work.delete([outcomeKey(older, 0, 3)]);
  const listed = await stack.command('status', '--stack');
  expect(listed.stdout).toMatch(
    new RegExp(`│ ${older} +│ support +│ support/july.csv +│ running +│ 2 +│ level 0: 4/5, level 1: 1/1 +│ 45 +│ 5 +│ \\$0\\.0\\d+ +│`),
  );
  const detail = json(await stack.command('status', older, '--stack', '--json'));
  expect(detail).toMatchObject({
    ...{ status: 'running', attempt: 2, stop_reason: null },
    progress: [
      { level: 0, batches_done: 4, batches_planned: 5 },
      { level: 1, batches_done: 1, batches_planned: 1 },
    ],
    ...{ settings: { batchRows: 10, maxCostUsd: 5 }, endpoint: stack.endpoint, finished_at: null },
    attempts: [
      { attempt: 1, status: 'partial', owner: executionArn(`${older}-1`) },
      { attempt: 2, status: 'running', owner: executionArn(`${older}-2`), closed_at: null },
    ],
    next: expect.stringMatching(/^Execution july-\w+-2 is working on this run/),
  });

  await stack.stores.work.put(manifestKey(older, 1), '{}\n{}\n');
  await stack.stores.work.put(outcomeKey(older, 1, 0), '{}');
  expect((await stack.command('status', older, '--stack')).stdout).toContain('  progress  level 0: 4/5, level 1: 1/2\n');

  await stack.drop({ batchRows: 10 }, 'support/august.csv');
  const newer = await stack.submit('support/august.csv');
  const both = json(await stack.command('status', '--stack', '--json'));
  expect(both.map(({ run_id }: { run_id: string }) => run_id)).toEqual([newer, older]);
  const one = await stack.command('status', '--stack', '--limit', '1');
  expect(one.stdout).not.toContain(older);
  expect(one.stderr).toBe('The newest 1 of 2 runs; --limit N shows more.\n');
});

test('status says so where there are more runs than it looks at', async () => {
  const template = { attempt: 1, owner: 'x', settings: {} };
  const keys = Array.from({ length: 1_001 }, (_, index) => `runs/many-${String(index).padStart(4, '0')}/source.jsonl`);
  for (const key of keys) {
    const body = Buffer.from(JSON.stringify(template));
    stack.s3.bucket('work').put(key, { body, etag: '"1"', crc32: undefined, metadata: {}, contentType: '' });
  }
  const ended = await stack.command('status', '--stack');
  expect(ended.stderr).toContain('There are more than 1,000 runs: only the first of them, by name, were looked at.');
  expect(ended.code).toBe(0);
});

test('a stack, a region or credentials that are missing are told in a sentence', async () => {
  expect(refused(await stack.command('status', '--stack', 'nowhere'))).toBe(
    'There is no stack nowhere in this account and region: deploy it (npm run deploy), or name another with --stack NAME.\n',
  );
  const { ModelEndpoint: _, ...older } = stack.outputs as Record<string, string>;
  stack.aws.stacks.set('hundredfold', older);
  expect(refused(await stack.command('submit', `s3://in-put/${KEY}`))).toBe(
    'The stack hundredfold has no output ModelEndpoint: it is of an older version; deploy it again.\n',
  );
  const { AWS_REGION: _region, ...elsewhere } = stack.env;
  const home = newFolder();
  const program = (env: Record<string, string>) => callProgram(['status', '--stack'], { env: { HOME: home, ...env } });
  expect(refused(await program(elsewhere))).toBe('The AWS region is not known: set AWS_REGION.\n');
  const { AWS_ACCESS_KEY_ID: _id, ...nobody } = stack.env;
  expect(refused(await program(nobody))).toMatch(/^There are no AWS credentials: set AWS_PROFILE, or log in \(.*\)\.\n$/);
  stack.aws.failNext('DescribeStacks', { status: 403, name: 'AccessDenied', message: 'Not you.' });
  expect(refused(await stack.command('status', '--stack'))).toBe('These AWS credentials may not do this (Not you.).\n');
});
