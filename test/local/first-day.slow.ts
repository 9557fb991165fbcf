import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { UNSET_MODEL_KEY } from '../../infra/model-key.ts';
import { directoryStore } from '../../local/directory-store.ts';
import type { Finding } from '../../local/doctor/finding.ts';
import { query } from '../../local/query.ts';
import { smokeCommand } from '../../local/smoke-command.ts';
import { type AccountServer, startAccountServer } from '../fakes/account-server.ts';
import { type FakeStack, startFakeStack } from './fake-stack.ts';
import { callProgram } from './in-process.ts';
import { cleanUp, newFolder } from './program.ts';

jest.setTimeout(180_000);
afterAll(cleanUp);

let stack: FakeStack;
let account: AccountServer;
/** Takes files of the tables away from what Athena sees. */
let hide: (key: string) => boolean;
const workgroups: unknown[] = [];
beforeEach(async () => {
  stack = await startFakeStack();
  hide = () => false;
  account = await startAccountServer(async (sql, place) => {
    workgroups.push(place);
    const out = newFolder();
    const local = directoryStore(join(out, 'results'), 'results');
    for await (const { key } of stack.stores.results.list('tables/')) if (!hide(key)) await local.copy(stack.stores.results, key, key);
    const { columns, rows } = await query(out, sql);
    return {
      columns: columns.map((name) => ({ name, type: 'bigint' })),
      rows: rows.map((row) => columns.map((name) => String(row[name]))),
    };
  });
  Object.assign(stack.outputs, { WorkgroupName: 'hundredfold', ModelKeySecretName: 'ModelKey' });
  stack.aws.stacks.set('hundredfold', stack.outputs);
  stack.aws.stacks.set('CDKToolkit', { BootstrapVersion: '28' });
  account.secrets.set('ModelKey', 'sk-a-real-key');
  Object.assign(stack.env, account.env);
});
afterEach(async () => {
  await stack.close();
  await account.close();
});

async function doctor(...args: string[]): Promise<{ code: number | null; missing: Finding[]; findings: Finding[] }> {
  const { code, stdout } = await stack.command('doctor', '--json', '--out', newFolder(), ...args);
  const findings: Finding[] = JSON.parse(stdout);
  return { code, findings, missing: findings.filter(({ state }) => state === 'missing') };
}

test('an account where everything is there passes', async () => {
  const { code, findings, missing } = await doctor('--aws');
  expect([code, missing]).toEqual([0, []]);
  expect(findings.map(({ what }) => what)).toEqual(
    expect.arrayContaining([
      'Node',
      'data folder',
      'AWS credentials',
      'AWS region',
      'CDK bootstrap',
      'stack',
      'model key in AWS',
      'bucket',
    ]),
  );
});

test('all that is missing is said at once, each with the way out', async () => {
  stack.aws.stacks.delete('CDKToolkit');
  account.secrets.set('ModelKey', UNSET_MODEL_KEY);
  const { code, missing } = await doctor('--aws');
  expect(code).toBe(1);
  expect(missing).toEqual([
    expect.objectContaining({ what: 'CDK bootstrap', remedy: 'run: npx cdk bootstrap aws://111122223333/eu-central-1' }),
    expect.objectContaining({ what: 'model key in AWS', remedy: expect.stringContaining('put-secret-value --secret-id ModelKey') }),
  ]);
  account.failNext('GetSecretValue', { status: 400, name: 'AccessDeniedException', message: 'Not you.' });
  expect((await doctor('--aws')).missing[1]).toMatchObject({
    what: 'model key in AWS',
    remedy: expect.stringContaining('allow secretsmanager:'),
  });
  expect((await doctor('--stack', 'nowhere')).missing).toContainEqual(
    expect.objectContaining({ what: 'stack', words: 'there is no stack nowhere in this account and region' }),
  );
});

test('before a deployment the stack need not be there, credentials and bootstrap must', async () => {
  stack.aws.stacks.delete('hundredfold');
  const ready = await doctor('--before-deploy');
  expect([ready.code, ready.findings.map(({ what }) => what)]).toEqual([0, ['Node', 'AWS credentials', 'AWS region', 'CDK bootstrap']]);
  expect(await doctor('--before-deploy', '--stack')).toMatchObject({ code: 0, missing: [] });
  account.failNext('GetCallerIdentity', { status: 403, name: 'InvalidClientTokenId', message: 'The security token is invalid.' });
  expect(await doctor('--before-deploy')).toMatchObject({ code: 1, missing: [{ what: 'AWS credentials' }] });
  const { AWS_REGION: _, ...env } = stack.env;
  const ended = await callProgram(['doctor', '--before-deploy'], { env: { HOME: newFolder(), ...env } });
  expect([ended.code, ended.stdout]).toEqual([
    1,
    expect.stringMatching(/MISSING {2}AWS credentials .*AWS region is not known.*\n1 thing missing\.\n$/s),
  ]);
});

/** Smoke in this process: while it sleeps for the first time, the stack takes its upload and does the work. */
async function smoke(onFirstSleep: () => Promise<void>, timeout = 5) {
  let now = Date.parse('2026-11-26T12:00:00Z');
  let isFirst = true;
  const clock = {
    now: () => now,
    async sleep(seconds: number) {
      now += seconds * 1000;
      if (isFirst) await onFirstSleep();
      isFirst = false;
    },
  };
  const written: string[] = [];
  const spies = [process.stdout, process.stderr].map((stream) =>
    jest.spyOn(stream, 'write').mockImplementation((text) => written.push(String(text)) > 0),
  );
  try {
    const code = await stack.inProcess(() => smokeCommand({ timeout }, clock));
    return { code, said: written.join('') };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

const keys = () =>
  stack.s3
    .bucket('in-put')
    .keys()
    .filter((key) => key.startsWith('hundredfold-smoke/'));
async function acceptAndWork() {
  const runId = await stack.submit(keys()[0]);
  await stack.work(`${runId}-1`);
}

test('smoke passes where the sample comes out of Athena whole', async () => {
  const { code, said } = await smoke(acceptAndWork);
  expect(said).toMatch(/365 rows, 5 model calls/);
  expect(said).toMatch(/Passed in .*: run smoke-\d+-[0-9a-f]{16} has all of the sample in Athena\./);
  expect(said).toContain('npm run forget -- --dataset hundredfold-smoke --stack hundredfold');
  expect(code).toBe(0);
  expect(workgroups.at(-1)).toEqual({ workgroup: 'hundredfold', database: 'hundredfold' });
});

test('smoke says what differs, and where to look', async () => {
  hide = (key) => key.includes('/rejected_rows/');
  const { code, said } = await smoke(acceptAndWork);
  expect([code, said]).toEqual([
    1,
    expect.stringContaining('Athena counts 0 rows of rejected_rows, the sample has 3.\n    look at: the table'),
  ]);
});

test('smoke says so where nothing takes the upload, where the run does not end, and where it fails', async () => {
  expect(await smoke(async () => {})).toMatchObject({
    code: 1,
    said: expect.stringMatching(/No run of the upload was accepted.*dead-letter queue/s),
  });
  const open = await smoke(async () => void (await stack.submit(keys().at(-1))), 1);
  expect(open).toMatchObject({ code: 1, said: expect.stringMatching(/is still running after 1 min/) });
});

test('smoke says so where Athena refuses', async () => {
  account.failNext('StartQueryExecution', { status: 400, name: 'InvalidRequestException', message: 'WorkGroup is not found.' });
  const { code, said } = await smoke(acceptAndWork);
  expect([code, said]).toEqual([1, expect.stringMatching(/The rows could not be counted \(Athena: WorkGroup is not found\.\)/)]);
});
