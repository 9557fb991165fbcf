import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { reportFiles } from '../../functions/shared/report-files.ts';

const run = promisify(execFile);
const repository = fileURLToPath(new URL('../..', import.meta.url));
const bin = join(repository, 'node_modules/.bin');
/** As npm scripts have it: `node` in cdk.json is the project's own. */
const PATH = `${bin}:${process.env.PATH}`;

/** The largest bundle is the one with the OpenAI SDK, about 1 MB. Lambda reads it at every cold start. */
const LARGEST_BUNDLE_BYTES = 1_500_000;

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

test('every bundle is small and, loaded by itself, has a handler', async () => {
  const template = JSON.parse(await readFile(join(assembly, 'hundredfold.template.json'), 'utf8'));
  const bundles = (await readdir(assembly)).filter((name) => name.startsWith('asset.'));
  const names = Object.values<{ Type: string }>(template.Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function');
  expect(bundles).toHaveLength(names.length);

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
  };
  for (const bundle of bundles) {
    const file = join(assembly, bundle, 'index.mjs');
    const code = await readFile(file, 'utf8');
    expect(code.length).toBeLessThan(LARGEST_BUNDLE_BYTES);
    // What esbuild leaves where a CommonJS package requires a module of Node's: it throws when it is reached. A banner with createRequire cures it.
    expect(code).not.toContain('Dynamic require of');
    const program = `console.log(typeof (await import(${JSON.stringify(pathToFileURL(file).href)})).handler)`;
    const { stdout } = await run(join(bin, 'node'), ['--input-type=module', '--eval', program], { env, cwd: assembly });
    expect(stdout.trim()).toBe('function');
  }
}, 60_000);

test('the page of the report goes with the function that makes it', async () => {
  const bundles = (await readdir(assembly)).filter((name) => name.startsWith('asset.'));
  const files = await Promise.all(bundles.map((bundle) => readdir(join(assembly, bundle))));
  const withPage = files.filter((names) => Object.values(reportFiles).some((file) => names.includes(file)));
  expect(withPage).toEqual([expect.arrayContaining(['index.mjs', ...Object.values(reportFiles)])]);
});
