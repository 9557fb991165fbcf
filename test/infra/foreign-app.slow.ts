import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const run = promisify(execFile);
const repository = fileURLToPath(new URL('../..', import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hundredfold-foreign-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('the app of docs/deployment.md, beside this repository, is synthesized with its bundles', async () => {
  const page = await readFile(join(repository, 'docs/deployment.md'), 'utf8');
  const [, code = ''] = /```ts\n([\s\S]*?)```/.exec(page) ?? [];
  const app = join(folder, 'app');
  await mkdir(app);
  await symlink(repository, join(folder, 'hundredfold'));
  await symlink(join(repository, 'node_modules'), join(app, 'node_modules'));
  await writeFile(join(app, 'package.json'), '{"type":"module","private":true}');
  await writeFile(join(app, 'app.ts'), code);
  const assembly = join(folder, 'cdk.out');
  const node = join(repository, 'node_modules/.bin/node');
  // As the CDK command starts an app.
  const env = { PATH: `${join(repository, 'node_modules/.bin')}:${process.env.PATH}`, CDK_OUTDIR: assembly, CDK_VALIDATION: 'false' };
  await run(node, ['app.ts'], { cwd: app, env });
  const template = JSON.parse(await readFile(join(assembly, 'Reviews.template.json'), 'utf8'));
  const resources = Object.values<{ Type: string; Properties: Record<string, unknown> }>(template.Resources);
  const machines = resources.filter(({ Type }) => Type === 'AWS::StepFunctions::StateMachine');
  expect(machines.map(({ Properties }) => Properties.StateMachineName)).toEqual(['reviews']);
  const functions = resources.filter(({ Type }) => Type === 'AWS::Lambda::Function');
  for (const { Properties } of functions) {
    const { S3Key } = Properties.Code as { S3Key: string };
    expect((await readFile(join(assembly, `asset.${S3Key.replace(/\.zip$/, '')}`, 'index.mjs'))).length).toBeGreaterThan(100_000);
  }
}, 120_000);
