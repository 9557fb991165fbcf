import { afterAll, afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { acceptUpload, objectCreatedEvent } from '../../functions/accept-upload/accept-upload.ts';
import { stackOutputs } from '../../infra/stack-outputs.ts';
import { submitCommand } from '../../local/submit-command.ts';
import { executionArn } from '../fakes/execution-event.ts';
import { FakeExecutions } from '../fakes/fake-executions.ts';
import { MemoryStore } from '../fakes/memory-store.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { type FakeStack, json, KEY, refused, startFakeStack } from './fake-stack.ts';
import { cleanUp } from './program.ts';
import { FakeClock } from './workflow/fake-clock.ts';

// Each command is a process of its own, a second or more on a busy machine.
jest.setTimeout(120_000);

let stack: FakeStack;
beforeEach(async () => {
  stack = await startFakeStack();
});
afterEach(() => stack.close());
afterAll(cleanUp);

test('submit starts the very run that the event of the object would have started', async () => {
  const deployment = { settings: { model: 'gpt-5.4-mini', batchRows: 20 }, maxCostUsdPerDay: 9 };
  stack.outputs[stackOutputs.deployment] = JSON.stringify(deployment);
  await stack.drop({ batchRows: 10, maxCostUsd: 2 });
  const ended = await stack.command('submit', `s3://in-put/${KEY}`);
  const [name, input] = Object.entries(stack.started())[0]!;
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout).toBe(
    `s3://in-put/${KEY} is run ${input.runId}, started now.\n  npm run status -- ${input.runId} --stack hundredfold\n`,
  );
  expect(name).toBe(`${input.runId}-1`);
  expect(input.settings).toMatchObject({ model: 'gpt-5.4-mini', batchRows: 10, maxCostUsd: 2 });

  const head = (await stack.stores.input.head(KEY))!;
  const object = { key: KEY, size: head.bytes, 'version-id': head.versionId };
  const event = objectCreatedEvent.parse({ detail: { bucket: { name: 'in-put' }, object } });
  const executions = new FakeExecutions();
  const [work, clock, log] = [new MemoryStore('work'), new FakeClock(), new RecordingLog()];
  await acceptUpload(event, { input: stack.stores.input, work, executions, clock, log, endpoint: stack.endpoint, deployment });
  expect([...executions.inputs]).toEqual([[name, stack.aws.executions.get(executionArn(name))!.input]]);
});

test('submit of what runs or was processed says so and starts nothing', async () => {
  await stack.drop();
  const runId = await stack.submit();
  const again = await stack.command('submit', `s3://in-put/${KEY}`);
  expect(again.stdout).toContain(`is run ${runId}, which was accepted before and is running.`);
  expect(Object.keys(stack.started())).toEqual([`${runId}-1`]);
  await stack.work(`${runId}-1`);
  const before = stack.aws.calls.filter((call) => call === 'StartExecution');
  const after = await stack.command('submit', `s3://in-put/${KEY}`);
  expect(after.stdout).toContain(`is run ${runId}, which has been processed: complete. Nothing was started.`);
  expect(json(await stack.command('submit', `s3://in-put/${KEY}`, '--json'))).toMatchObject({ result: 'processed', status: 'complete' });
  expect(stack.aws.calls.filter((call) => call === 'StartExecution')).toEqual(before);
});

test('submit of a folder is that of its _SUCCESS, where the dataset says so', async () => {
  const folder = 'support/july/';
  for (const part of [0, 1]) await stack.drop({ upload: 'folder' }, `${folder}part-${part}.csv`, 3 + part);
  expect(refused(await stack.command('submit', `s3://in-put/${folder}`))).toBe(
    `Folder ${folder} has no _SUCCESS: put one there, it says that all parts are there.\n`,
  );
  await stack.stores.input.put(`${folder}_SUCCESS`, '');
  const runId = await stack.submit(folder);
  expect(stack.started()[`${runId}-1`]?.source).toMatchObject({ key: folder, parts: 2 });
  expect(await stack.submit(`${folder}_SUCCESS`)).toBe(runId);
  expect(refused(await stack.command('submit', `s3://in-put/${folder}part-0.csv`))).toBe(
    'In dataset support a folder is an upload, not a file: name the folder, with a slash at its end.\n',
  );
  await stack.stores.input.put('support/_hundredfold.json', '{}');
  expect(refused(await stack.command('submit', `s3://in-put/${folder}`))).toMatch(/^In dataset support a file is an upload, not a folder/);
  expect(Object.keys(stack.started())).toEqual([`${runId}-1`]);
});

test('submit refuses with a sentence what no event would start', async () => {
  await stack.drop();
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
    await expect(stack.inProcess(() => submitCommand(url, {}))).rejects.toMatchObject({ name: 'ConfigError', message: words });
  }
  expect(stack.aws.executions.size).toBe(0);
});

test('submit with wrong settings starts the run that is refused, as the event does, and says why', async () => {
  await stack.drop({ batchRow: 5 });
  const { stdout } = await stack.command('submit', `s3://in-put/${KEY}`);
  expect(stdout).toMatch(/started now\.\nIts settings are refused: support\/_hundredfold\.json: there is no setting "batchRow"/);
});

test('an upload whose acceptance died between claim and start is started by redrive', async () => {
  await stack.drop();
  stack.aws.failNext('StartExecution', { status: 400, name: 'AccessDeniedException', message: 'You may not.' });
  refused(await stack.command('submit', `s3://in-put/${KEY}`));
  expect((await stack.redrive('july')).code).toBe(0);
  expect(Object.values(stack.started())).toMatchObject([{ attempt: 1, source: { key: KEY } }]);
  expect(json(await stack.command('submit', `s3://in-put/${KEY}`, '--json'))).toMatchObject({ result: 'exists', status: 'running' });
});
