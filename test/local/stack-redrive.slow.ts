import { afterAll, afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { closeAttempt, readAttempt, readClosedAttempt } from '../../functions/shared/attempt.ts';
import { attemptKey, runRecordKey } from '../../functions/shared/object-keys.ts';
import { executionArn } from '../fakes/execution-event.ts';
import { type FakeStack, json, KEY, refused, startFakeStack } from './fake-stack.ts';
import { cleanUp } from './program.ts';

// Each command is a process of its own, a second or more on a busy machine.
jest.setTimeout(120_000);

let stack: FakeStack;
beforeEach(async () => {
  stack = await startFakeStack();
});
afterEach(() => stack.close());
afterAll(cleanUp);

test('redrive starts the next attempt with the same run and changed settings; it pays only for what failed, and for the root anew', async () => {
  await stack.drop({ batchRows: 10, maxCostUsd: 2, toleratedFailurePercentage: 60 });
  stack.failBatches(1);
  const runId = await stack.submit();
  // Four batches and the root of them.
  expect(await stack.work(`${runId}-1`)).toMatchObject({ status: 'partial', calls: 5 });
  stack.failBatches();

  const ended = await stack.redrive('july', '--max-cost-usd', '5');
  expect(ended.stderr).toBe('');
  expect(ended.stdout).toBe(
    `Attempt 2 of ${runId} is started.\n  execution  ${executionArn(`${runId}-2`)}\n  progress   npm run status -- ${runId} --stack hundredfold\n`,
  );
  const { [`${runId}-1`]: first, [`${runId}-2`]: second } = stack.started();
  expect(second).toEqual({ ...first, attempt: 2, settings: { ...first!.settings, maxCostUsd: 5 } });
  expect(await readAttempt(stack.stores.work, runId, 2)).toMatchObject({ ...second, owner: executionArn(`${runId}-2`) });
  expect(await stack.work(`${runId}-2`)).toMatchObject({ status: 'complete', calls: 7, calls_this_attempt: 2 });
  expect(refused(await stack.redrive(runId))).toBe(`Run ${runId} is complete and nothing of it failed: there is nothing to redrive.\n`);
});

test('redrive refuses a run whose execution is at work, and takes up one that ended without closing it', async () => {
  await stack.drop();
  const runId = await stack.submit();
  const arn = executionArn(`${runId}-1`);
  expect(refused(await stack.redrive(runId))).toBe(
    `Execution ${runId}-1 is working on this run. Wait until it ends, or stop it (aws stepfunctions stop-execution --execution-arn ${arn}).\n`,
  );
  expect(await readClosedAttempt(stack.stores.work, runId, 1)).toBeUndefined();
  for (const [attempt, ending] of [
    [1, 'TIMED_OUT'],
    [2, 'ABORTED'],
    [3, 'FAILED'],
  ] as const) {
    stack.end(`${runId}-${attempt}`, ending);
    const detail = json(await stack.command('status', runId, '--stack', '--json'));
    expect(detail).toMatchObject({ status: 'aborted', attempt, stop_reason: `its owner ended ${ending} without closing it` });
    expect(json(await stack.redrive('--json'))).toMatchObject({ run_id: runId, attempt: attempt + 1, was_claimed: false });
    expect(await readClosedAttempt(stack.stores.work, runId, attempt)).toMatchObject({ status: 'aborted' });
  }
  expect(Object.keys(stack.started())).toEqual([1, 2, 3, 4].map((attempt) => `${runId}-${attempt}`));
});

test('redrive that dies between claim and start is completed by whoever comes next, with the very input that was claimed', async () => {
  await stack.drop({ batchRows: 10, maxCostUsd: 2 });
  const runId = await stack.submit();
  stack.end(`${runId}-1`, 'ABORTED');
  stack.aws.failNext('StartExecution', { status: 400, name: 'AccessDeniedException', message: 'You may not.' });
  expect(refused(await stack.redrive(runId, '--max-cost-usd', '7'))).toBe('These AWS credentials may not do this (You may not.).\n');
  expect(await readAttempt(stack.stores.work, runId, 2)).toMatchObject({ settings: { maxCostUsd: 7 } });
  expect(Object.keys(stack.started())).toEqual([`${runId}-1`]);
  expect(json(await stack.command('status', '--stack', '--json'))).toMatchObject([{ status: 'claimed', attempt: 2 }]);

  const next = await stack.redrive(runId, '--max-cost-usd', '9');
  expect(next.code).toBe(0);
  expect(next.stdout).toContain(
    `Attempt 2 of ${runId} had been claimed and not started; it is started now, with the settings that it was claimed with.`,
  );
  const { [`${runId}-1`]: first, [`${runId}-2`]: second } = stack.started();
  expect(second).toEqual({ ...first, attempt: 2, settings: { ...first!.settings, maxCostUsd: 7 } });
  // The start that was lost may arrive after all: it has the same bytes, so Step Functions takes both for one.
  expect(stack.aws.executions.get(executionArn(`${runId}-2`))!.input).toBe(JSON.stringify(second));
});

test('of two redrives at once exactly one claims; there is one execution, and the other is told', async () => {
  await stack.drop();
  const runId = await stack.submit();
  stack.end(`${runId}-1`, 'ABORTED');
  const both = await Promise.all(['3', '4'].map((cap) => stack.redrive(runId, '--max-cost-usd', cap)));
  const winners = both.filter(({ stdout }) => stdout.includes(`Attempt 2 of ${runId} is started.`));
  expect(winners).toHaveLength(1);
  const [loser] = both.filter((ended) => ended !== winners[0]);
  expect(loser!.stdout + loser!.stderr).toMatch(
    /^(Execution \S+-2 is working on this run|Somebody else has started attempt 2|Attempt 2 of \S+ had been claimed and not started; it is started now)/,
  );
  const cap = both[0] === winners[0] ? 3 : 4;
  expect(Object.keys(stack.started())).toEqual([`${runId}-1`, `${runId}-2`]);
  expect(stack.started()[`${runId}-2`]!.settings.maxCostUsd).toBe(cap);
});

test('a run is taken up after Step Functions has forgotten its executions: the claim says it all', async () => {
  await stack.drop({ batchRows: 10, maxCostUsd: 2 });
  const runId = await stack.submit();
  const { work } = stack.stores;
  const claim = (await readAttempt(work, runId, 1))!;
  const age = async (days: number) => {
    stack.aws.executions.clear();
    await work.put(attemptKey(runId, 1), JSON.stringify({ ...claim, acceptedAt: new Date(Date.now() - days * 86_400_000).toISOString() }));
  };
  await age(91);
  expect(json(await stack.redrive('--json'))).toMatchObject({ attempt: 2, was_claimed: false });
  expect(await readClosedAttempt(work, runId, 1)).toMatchObject({ status: 'aborted' });
  expect(stack.started()[`${runId}-2`]).toMatchObject({ source: { key: KEY }, settings: { maxCostUsd: 2 } });

  await work.delete([attemptKey(runId, 2)]);
  await age(300);
  expect(json(await stack.redrive('--json'))).toMatchObject({ attempt: 2 });
});

test('redrive refuses what another endpoint, another file or nobody can go on with', async () => {
  await stack.drop();
  const runId = await stack.submit();
  await closeAttempt(stack.stores.work, runId, 1, { status: 'halted', closedAt: '2026-11-23T00:00:00.000Z' });
  stack.aws.stacks.set('hundredfold-dev', { ...stack.outputs, ModelEndpoint: 'https://api.openai.com/v1' });
  expect(refused(await stack.command('redrive', runId, '--stack', 'hundredfold-dev'))).toBe(
    `Run ${runId} asks ${stack.endpoint}, but stack hundredfold-dev asks https://api.openai.com/v1: start a run of its file instead.\n`,
  );
  expect(refused(await stack.redrive(runId, '--concurrency', '3'))).toMatch(
    /^--concurrency, --offline and --on-event are for runs of this machine/,
  );
  const { versionId } = (await stack.stores.input.head(KEY))!;
  stack.s3.bucket('in-put').delete(KEY, versionId);
  expect(refused(await stack.redrive(runId))).toMatch(/^What run july-\w+ reads is gone or was replaced/);
  expect(await readAttempt(stack.stores.work, runId, 2)).toBeUndefined();
});

test('a rejected run says what can be done about it', async () => {
  await stack.drop({ batchRow: 5 });
  const runId = await stack.submit();
  await stack.work(`${runId}-1`);
  expect(await stack.stores.work.get(runRecordKey(runId))).toBeDefined();
  expect(refused(await stack.redrive(runId))).toMatch(
    /^Run \S+ was rejected \(.*"batchRow".*\): there is nothing to redrive; mend the settings and start a run of it\.\n$/,
  );
});
