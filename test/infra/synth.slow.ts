import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { reportFiles } from '../../functions/shared/report-files.ts';
import { startAwsServer } from '../fakes/aws-server.ts';
import { executionArn, STATE_MACHINE } from '../fakes/execution-event.ts';

const run = promisify(execFile);
const repository = fileURLToPath(new URL('../..', import.meta.url));
const bin = join(repository, 'node_modules/.bin');
/** As npm scripts have it: `node` in cdk.json is the project's own. */
const PATH = `${bin}:${process.env.PATH}`;

/** Lambda reads a bundle at every cold start. The one with the OpenAI SDK is the largest. */
const largestBundleBytes = (name: string) => (name === 'summarize-batch' ? 1_100_000 : 700_000);

interface LambdaFunction {
  Type: string;
  Properties: { Code: { S3Key: string }; Environment: { Variables: { POWERTOOLS_SERVICE_NAME: string } } };
}

let assembly: string;
let output: string;

beforeAll(async () => {
  assembly = await mkdtemp(join(tmpdir(), 'hundredfold-synth-'));
  const args = ['synth', '--quiet', '--strict', '--no-color', '--output', assembly];
  const { stdout, stderr } = await run(join(bin, 'cdk'), args, { cwd: repository, env: { ...process.env, PATH } });
  output = stdout + stderr;
}, 120_000);
afterAll(() => rm(assembly, { recursive: true, force: true }));

test('the real synthesis, with bundles, CloudFormation’s rules and cdk-nag, has nothing to warn of', () => {
  // npm complains of its own settings when CDK starts esbuild through npx.
  const warnings = output.split('\n').filter((line) => /warn|deprecat|error/i.test(line) && !line.startsWith('npm warn'));
  expect(warnings).toEqual([]);
});

/** The bundles of the assembly, each with the name of its function. */
async function bundleNames(): Promise<Map<string, string>> {
  const template = JSON.parse(await readFile(join(assembly, 'hundredfold.template.json'), 'utf8'));
  return new Map(
    Object.values<LambdaFunction>(template.Resources)
      .filter(({ Type }) => Type === 'AWS::Lambda::Function')
      .map(({ Properties }) => [
        `asset.${Properties.Code.S3Key.replace(/\.zip$/, '')}`,
        Properties.Environment.Variables.POWERTOOLS_SERVICE_NAME,
      ]),
  );
}

test('every bundle is small and, loaded by itself, has a handler', async () => {
  const bundles = (await readdir(assembly)).filter((name) => name.startsWith('asset.'));
  const names = await bundleNames();
  expect(bundles.sort()).toEqual([...names.keys()].sort());

  const env = {
    PATH,
    AWS_REGION: 'eu-central-1',
    INPUT_BUCKET: 'input',
    WORK_BUCKET: 'work',
    RESULTS_BUCKET: 'results',
    CONTROL_TABLE: 'control',
    EVENT_BUS_NAME: 'bus',
    STATE_MACHINE_ARN: 'arn:aws:states:eu-central-1:123456789012:stateMachine:hundredfold',
    MODEL_KEY_SECRET_ARN: 'secret',
    MODEL_CONCURRENCY: '100',
    DEPLOYMENT: 'hundredfold',
    RUN_SETTINGS: '{}',
  };
  for (const bundle of bundles) {
    const file = join(assembly, bundle, 'index.mjs');
    const code = await readFile(file, 'utf8');
    const name = names.get(bundle)!;
    expect([name, code.length < largestBundleBytes(name)]).toEqual([name, true]);
    // What esbuild leaves where a CommonJS package requires a module of Node's: it throws when it is reached. A banner with createRequire cures it.
    expect(code).not.toContain('Dynamic require of');
    const program = `console.log(typeof (await import(${JSON.stringify(pathToFileURL(file).href)})).handler)`;
    const { stdout } = await run(join(bin, 'node'), ['--input-type=module', '--eval', program], { env, cwd: assembly });
    expect(stdout.trim()).toBe('function');
  }
}, 60_000);

test('a bundle reaches AWS with the credentials of the environment, and its metrics are lines of their own', async () => {
  const aws = await startAwsServer();
  aws.executions.set(executionArn('july-1'), { input: '{}', status: 'RUNNING', startDate: Date.now() / 1000 - 7_200 });
  const [bundle] = [...(await bundleNames())].find(([, name]) => name === 'watch-runs')!;
  const file = pathToFileURL(join(assembly, bundle, 'index.mjs')).href;
  const context = '{ functionName: "watch-runs", awsRequestId: "request-1", getRemainingTimeInMillis: () => 60_000 }';
  const env = {
    ...{ PATH, AWS_REGION: 'eu-central-1', AWS_ENDPOINT_URL_SFN: aws.url, STATE_MACHINE_ARN: STATE_MACHINE, DEPLOYMENT: 'hundredfold-dev' },
    ...{ AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'invented', AWS_SESSION_TOKEN: 'session' },
  };
  try {
    const program = `await (await import(${JSON.stringify(file)})).handler({}, ${context})`;
    const { stdout } = await run(join(bin, 'node'), ['--input-type=module', '--eval', program], { env, cwd: assembly });
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toEqual([
      expect.objectContaining({ message: 'oldest run at work', execution: 'july-1', level: 'INFO' }),
      expect.objectContaining({ _aws: expect.anything(), deployment: 'hundredfold-dev', OpenRuns: 1, OldestRunAge: expect.any(Number) }),
    ]);
    expect(lines[1].OldestRunAge).toBeGreaterThanOrEqual(7_200);
  } finally {
    await aws.close();
  }
}, 60_000);

test('the page of the report goes with the function that makes it', async () => {
  const bundles = (await readdir(assembly)).filter((name) => name.startsWith('asset.'));
  const files = await Promise.all(bundles.map((bundle) => readdir(join(assembly, bundle))));
  const withPage = files.filter((names) => Object.values(reportFiles).some((file) => names.includes(file)));
  expect(withPage).toEqual([expect.arrayContaining(['index.mjs', ...Object.values(reportFiles)])]);
});
