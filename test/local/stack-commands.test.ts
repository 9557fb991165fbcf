import { afterAll, afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { acceptUpload, objectCreatedEvent } from '../../functions/accept-upload/accept-upload.ts';
import { closeAttempt, readAttempt, readClosedAttempt } from '../../functions/shared/attempt.ts';
import { attemptKey, outcomeKey, runRecordKey } from '../../functions/shared/object-keys.ts';
import type { ChatRequest } from '../../local/model-server/completion.ts';
import type { Fault } from '../../local/model-server/faults.ts';
import { type ModelServer, startModelServer } from '../../local/model-server/model-server.ts';
import { executionArn } from '../fakes/execution-event.ts';
import { FakeExecutions } from '../fakes/fake-executions.ts';
import { MemoryStore } from '../fakes/memory-store.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { type FakeStack, startFakeStack } from './fake-stack.ts';
import { cleanUp, type Ended, newFolder, reviewsCsv, runProgram } from './program.ts';
import { FakeClock } from './workflow/fake-clock.ts';

// Each command is a process of its own, a second or more on a busy machine.
jest.setTimeout(120_000);

let model: ModelServer;
let stack: FakeStack;
let faultOf: (batch: number) => Fault | undefined;
const batchOf = (request: ChatRequest) => Math.floor(Number(/Review (\d+)/.exec(request.messages[1]!.content as string)![1]) / 10);
beforeEach(async () => {
  faultOf = () => undefined;
  model = await startModelServer({ faults: (_, request) => faultOf(batchOf(request)) });
  stack = await startFakeStack(model.baseUrl);
});
afterEach(async () => {
  await stack.close();
  await model.close();
});
afterAll(cleanUp);

const badRequest: Fault = { kind: 'status', status: 400 };
const KEY = 'support/july.csv';
const drop = async (settings: Record<string, unknown> = { batchRows: 10 }, key = KEY, rows = 45) => {
  await stack.stores.input.put('support/_hundredfold.json', JSON.stringify(settings));
  await stack.stores.input.put(key, reviewsCsv(rows));
};
const json = ({ code, stdout, stderr }: Ended) => {
  if (code !== 0) throw new Error(`It ended with ${code}: ${stderr}`);
  return JSON.parse(stdout);
};
const submit = async (key = KEY) => String(json(await stack.command('submit', `s3://in-put/${key}`, '--json')).run_id);
const redrive = (...args: string[]) => stack.command('redrive', ...args, '--stack');
const refused = (ended: Ended) => {
  expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code: 2, stdout: '' });
  return ended.stderr;
};
const starts = () => stack.aws.calls.filter((call) => call === 'StartExecution').length;

test('submit starts the very run that the event of the object would have started', async () => {
  await drop({ batchRows: 10, maxCostUsd: 2 });
  const ended = await stack.command('submit', `s3://in-put/${KEY}`);
  const [name, input] = Object.entries(stack.started())[0]!;
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout).toBe(
    `s3://in-put/${KEY} is run ${input.runId}, started now.\n  npm run status -- ${input.runId} --stack hundredfold\n`,
  );
  expect(name).toBe(`${input.runId}-1`);

  const head = (await stack.stores.input.head(KEY))!;
  const object = { key: KEY, size: head.bytes, 'version-id': head.versionId };
  const event = objectCreatedEvent.parse({ detail: { bucket: { name: 'in-put' }, object } });
  const executions = new FakeExecutions();
  const [work, clock, log] = [new MemoryStore('work'), new FakeClock(), new RecordingLog()];
  await acceptUpload(event, { input: stack.stores.input, work, executions, clock, log, endpoint: model.baseUrl });
  expect([...executions.inputs]).toEqual([[name, stack.aws.executions.get(executionArn(name))!.input]]);
});

test('submit of what runs or was processed says so and starts nothing', async () => {
  await drop();
  const runId = await submit();
  const again = await stack.command('submit', `s3://in-put/${KEY}`);
  expect(again.stdout).toContain(`is run ${runId}, which was accepted before and is running.`);
  expect(Object.keys(stack.started())).toEqual([`${runId}-1`]);
  await stack.work(`${runId}-1`, model);
  const before = starts();
  const after = await stack.command('submit', `s3://in-put/${KEY}`);
  expect(after.stdout).toContain(`is run ${runId}, which has been processed: complete. Nothing was started.`);
  expect(json(await stack.command('submit', `s3://in-put/${KEY}`, '--json'))).toMatchObject({ result: 'processed', status: 'complete' });
  expect(starts()).toBe(before);
});

test('submit of a folder is that of its _SUCCESS, where the dataset says so', async () => {
  const folder = 'support/july/';
  for (const part of [0, 1]) await drop({ upload: 'folder' }, `${folder}part-${part}.csv`, 3 + part);
  expect(refused(await stack.command('submit', `s3://in-put/${folder}`))).toBe(
    `Folder ${folder} has no _SUCCESS: put one there, it says that all parts are there.\n`,
  );
  await stack.stores.input.put(`${folder}_SUCCESS`, '');
  const runId = await submit(folder);
  expect(stack.started()[`${runId}-1`]?.source).toMatchObject({ key: folder, parts: 2 });
  expect(await submit(`${folder}_SUCCESS`)).toBe(runId);
  expect(refused(await stack.command('submit', `s3://in-put/${folder}part-0.csv`))).toBe(
    'In dataset support a folder is an upload, not a file: name the folder, with a slash at its end.\n',
  );
  await stack.stores.input.put('support/_hundredfold.json', '{}');
  expect(refused(await stack.command('submit', `s3://in-put/${folder}`))).toMatch(/^In dataset support a file is an upload, not a folder/);
  expect(Object.keys(stack.started())).toEqual([`${runId}-1`]);
});

test('submit refuses with a sentence what no event would start', async () => {
  await drop();
  await stack.stores.input.put('support/empty.csv', '');
  await stack.stores.input.put('support/.hidden', 'x');
  for (const [url, words] of [
    [`s3://other/${KEY}`, 'other is not the input bucket of stack hundredfold: copy the object to s3://in-put/ first.'],
    ['s3://in-put/support/june.csv', 'There is no object support/june.csv in in-put.'],
    ['s3://in-put/support/_hundredfold.json', 'support/_hundredfold.json holds settings of a dataset; it is no upload.'],
    ['s3://in-put/support/empty.csv', 'support/empty.csv is empty: there is nothing to summarize.'],
    ['s3://in-put/support/.hidden', 'support/.hidden starts no run: names that begin with "_" or "." are not uploads.'],
    ['july.csv', "july.csv does not name an object: s3://BUCKET/KEY, a folder's KEY with a slash at its end."],
    ['s3://in-put/', "s3://in-put/ does not name an object: s3://BUCKET/KEY, a folder's KEY with a slash at its end."],
  ] as const) {
    expect(refused(await stack.command('submit', url))).toBe(`${words}\n`);
  }
  expect(stack.aws.executions.size).toBe(0);
});

test('submit with wrong settings starts the run that is refused, as the event does, and says why', async () => {
  await drop({ batchRow: 5 });
  const { stdout } = await stack.command('submit', `s3://in-put/${KEY}`);
  expect(stdout).toMatch(/started now\.\nIts settings are refused: support\/_hundredfold\.json: there is no setting "batchRow"/);
});

test('redrive starts the next attempt with the same run and changed settings; it pays only for what failed', async () => {
  await drop({ batchRows: 10, maxCostUsd: 2, toleratedFailurePercentage: 60 });
  faultOf = (batch) => (batch === 1 ? badRequest : undefined);
  const runId = await submit();
  expect(await stack.work(`${runId}-1`, model)).toMatchObject({ status: 'partial', calls: 4 });
  faultOf = () => undefined;

  const ended = await redrive('july', '--max-cost-usd', '5');
  expect(ended.stderr).toBe('');
  expect(ended.stdout).toBe(
    `Attempt 2 of ${runId} is started.\n  execution  ${executionArn(`${runId}-2`)}\n  progress   npm run status -- ${runId} --stack hundredfold\n`,
  );
  const { [`${runId}-1`]: first, [`${runId}-2`]: second } = stack.started();
  expect(second).toEqual({ ...first, attempt: 2, settings: { ...first!.settings, maxCostUsd: 5 } });
  expect(await readAttempt(stack.stores.work, runId, 2)).toMatchObject({ ...second, owner: executionArn(`${runId}-2`) });
  expect(await stack.work(`${runId}-2`, model)).toMatchObject({ status: 'complete', calls: 5, calls_this_attempt: 1 });
  expect(refused(await redrive(runId))).toBe(`Run ${runId} is complete and nothing of it failed: there is nothing to redrive.\n`);
});

test('redrive refuses a run whose execution is at work, and takes up one that ended without closing it', async () => {
  await drop();
  const runId = await submit();
  const arn = executionArn(`${runId}-1`);
  expect(refused(await redrive(runId))).toBe(
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
    expect(json(await redrive('--json'))).toMatchObject({ run_id: runId, attempt: attempt + 1, was_claimed: false });
    expect(await readClosedAttempt(stack.stores.work, runId, attempt)).toMatchObject({ status: 'aborted' });
  }
  expect(Object.keys(stack.started())).toEqual([1, 2, 3, 4].map((attempt) => `${runId}-${attempt}`));
});

test('redrive that dies between claim and start is completed by whoever comes next, with the very input that was claimed', async () => {
  await drop({ batchRows: 10, maxCostUsd: 2 });
  const runId = await submit();
  stack.end(`${runId}-1`, 'ABORTED');
  stack.aws.failNext('StartExecution', { status: 400, name: 'AccessDeniedException', message: 'You may not.' });
  expect(refused(await redrive(runId, '--max-cost-usd', '7'))).toBe('These AWS credentials may not do this (You may not.).\n');
  expect(await readAttempt(stack.stores.work, runId, 2)).toMatchObject({ settings: { maxCostUsd: 7 } });
  expect(Object.keys(stack.started())).toEqual([`${runId}-1`]);
  expect(json(await stack.command('status', '--stack', '--json'))).toMatchObject([{ status: 'claimed', attempt: 2 }]);

  const next = await redrive(runId, '--max-cost-usd', '9');
  expect(next.code).toBe(0);
  expect(next.stdout).toContain(
    `Attempt 2 of ${runId} had been claimed and not started; it is started now, with the settings that it was claimed with.`,
  );
  const { [`${runId}-1`]: first, [`${runId}-2`]: second } = stack.started();
  expect(second).toEqual({ ...first, attempt: 2, settings: { ...first!.settings, maxCostUsd: 7 } });
  // The start that was lost may arrive after all: it has the same bytes, so Step Functions takes both for one.
  expect(stack.aws.executions.get(executionArn(`${runId}-2`))!.input).toBe(JSON.stringify(second));
});

test('an upload whose acceptance died between claim and start is started by redrive', async () => {
  await drop();
  stack.aws.failNext('StartExecution', { status: 400, name: 'AccessDeniedException', message: 'You may not.' });
  refused(await stack.command('submit', `s3://in-put/${KEY}`));
  expect((await redrive('july')).code).toBe(0);
  expect(Object.values(stack.started())).toMatchObject([{ attempt: 1, source: { key: KEY } }]);
  expect(json(await stack.command('submit', `s3://in-put/${KEY}`, '--json'))).toMatchObject({ result: 'exists', status: 'running' });
});

test('of two redrives at once exactly one claims; there is one execution, and the other is told', async () => {
  await drop();
  const runId = await submit();
  stack.end(`${runId}-1`, 'ABORTED');
  const both = await Promise.all(['3', '4'].map((cap) => redrive(runId, '--max-cost-usd', cap)));
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
  await drop({ batchRows: 10, maxCostUsd: 2 });
  const runId = await submit();
  const { work } = stack.stores;
  const claim = (await readAttempt(work, runId, 1))!;
  const age = async (days: number) => {
    stack.aws.executions.clear();
    await work.put(attemptKey(runId, 1), JSON.stringify({ ...claim, acceptedAt: new Date(Date.now() - days * 86_400_000).toISOString() }));
  };
  await age(91);
  expect(json(await redrive('--json'))).toMatchObject({ attempt: 2, was_claimed: false });
  expect(await readClosedAttempt(work, runId, 1)).toMatchObject({ status: 'aborted' });
  expect(stack.started()[`${runId}-2`]).toMatchObject({ source: { key: KEY }, settings: { maxCostUsd: 2 } });

  await work.delete([attemptKey(runId, 2)]);
  await age(300);
  expect(json(await redrive('--json'))).toMatchObject({ attempt: 2 });
});

test('redrive refuses what another endpoint, another file or nobody can go on with', async () => {
  await drop();
  const runId = await submit();
  await closeAttempt(stack.stores.work, runId, 1, { status: 'halted', closedAt: '2026-11-23T00:00:00.000Z' });
  stack.aws.stacks.set('hundredfold-dev', { ...stack.outputs, ModelEndpoint: 'https://api.openai.com/v1' });
  expect(refused(await stack.command('redrive', runId, '--stack', 'hundredfold-dev'))).toBe(
    `Run ${runId} asks ${model.baseUrl}, but stack hundredfold-dev asks https://api.openai.com/v1: start a run of its file instead.\n`,
  );
  expect(refused(await redrive(runId, '--concurrency', '3'))).toMatch(/^--concurrency, --offline and --on-event are for runs of this machine/);
  const { versionId } = (await stack.stores.input.head(KEY))!;
  stack.s3.bucket('in-put').delete(KEY, versionId);
  expect(refused(await redrive(runId))).toMatch(/^What run july-\w+ reads is gone or was replaced/);
  expect(await readAttempt(stack.stores.work, runId, 2)).toBeUndefined();
});

test('status lists the runs of a stack with their progress, and shows one', async () => {
  await drop();
  const older = await submit();
  expect(json(await stack.command('status', '--stack', '--json'))).toMatchObject([{ run_id: older, status: 'running', progress: null }]);
  faultOf = (batch) => (batch === 1 ? badRequest : undefined);
  await stack.work(`${older}-1`, model);
  await redrive(older, '--max-cost-usd', '5');
  await stack.stores.work.delete([outcomeKey(older, 0, 3)]);
  const listed = await stack.command('status', '--stack');
  expect(listed.stdout).toMatch(
    new RegExp(`│ ${older} +│ support +│ support/july.csv +│ running +│ 2 +│ 4/5 batches +│ 45 +│ 4 +│ \\$0\\.0\\d+ +│`),
  );
  const detail = json(await stack.command('status', older, '--stack', '--json'));
  expect(detail).toMatchObject({
    ...{ status: 'running', attempt: 2, progress: [{ level: 0, batches_done: 4, batches_planned: 5 }], stop_reason: null },
    ...{ settings: { batchRows: 10, maxCostUsd: 5 }, endpoint: model.baseUrl, finished_at: null },
    attempts: [
      { attempt: 1, status: 'partial', owner: executionArn(`${older}-1`) },
      { attempt: 2, status: 'running', owner: executionArn(`${older}-2`), closed_at: null },
    ],
    next: expect.stringMatching(/^Execution july-\w+-2 is working on this run/),
  });

  await drop({ batchRows: 10 }, 'support/august.csv');
  const newer = await submit('support/august.csv');
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
  const program = (env: Record<string, string>) => runProgram(['status', '--stack'], { env: { HOME: home, ...env } });
  expect(refused(await program(elsewhere))).toBe('The AWS region is not known: set AWS_REGION.\n');
  const { AWS_ACCESS_KEY_ID: _id, ...nobody } = stack.env;
  expect(refused(await program(nobody))).toMatch(/^There are no AWS credentials: set AWS_PROFILE, or log in \(.*\)\.\n$/);
  stack.aws.failNext('DescribeStacks', { status: 403, name: 'AccessDenied', message: 'Not you.' });
  expect(refused(await stack.command('status', '--stack'))).toBe('These AWS credentials may not do this (Not you.).\n');
});

test('a rejected run says what can be done about it', async () => {
  await drop({ batchRow: 5 });
  const runId = await submit();
  await stack.work(`${runId}-1`, model);
  expect(await stack.stores.work.get(runRecordKey(runId))).toBeDefined();
  expect(refused(await redrive(runId))).toMatch(
    /^Run \S+ was rejected \(.*"batchRow".*\): there is nothing to redrive; mend the settings and start a run of it\.\n$/,
  );
});
