import { appendFileSync, chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, jest, test } from '@jest/globals';
import { MAX_SEMI_SPACE_MIB } from '../../functions/shared/limits.ts';
import { cleanUp, newFolder, repository, startCommand } from './program.ts';

// Each run is a process of its own, a second or more on a busy machine.
jest.setTimeout(60_000);

// A project of nothing but the launcher, a target that tells what it was given, and an npm that notes its calls.
let project: string;
beforeEach(() => {
  project = newFolder();
  for (const folder of ['local', 'bin']) mkdirSync(join(project, folder));
  copyFileSync(join(repository, 'local', 'launch.mjs'), join(project, 'local', 'launch.mjs'));
  writeFileSync(join(project, 'package-lock.json'), '{}');
  writeFileSync(
    join(project, 'local', 'target.mjs'),
    `process.on('SIGINT', () => process.exit(4)).on('SIGTERM', () => process.exit(5));
     const [how] = process.argv.slice(2);
     if (how === 'wait') setInterval(() => {}, 1000);
     if (how === 'die') process.kill(process.pid, 'SIGKILL');
     process.exitCode = 3;
     process.stderr.write('ready ' + JSON.stringify(process.argv.slice(2)) + process.cwd() + process.execArgv);`,
  );
  npmDoes(`mkdir -p node_modules/node/bin && ln -sf '${process.execPath}' node_modules/node/bin/node`);
});
afterAll(cleanUp);

function npmDoes(action: string) {
  const npm = join(project, 'bin', 'npm');
  writeFileSync(npm, `#!/bin/sh\necho "$NODE_ENV $@" >> '${join(project, 'npm-calls')}'\necho "words of npm"\n${action}\n`);
  chmodSync(npm, 0o755);
}

const npmCalls = () => {
  const path = join(project, 'npm-calls');
  return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
};

const start = (args: readonly string[], options: { isGroup?: boolean } = {}) =>
  startCommand(process.execPath, [join(project, 'local', 'launch.mjs'), ...args], {
    cwd: project,
    env: { PATH: `${join(project, 'bin')}:${process.env.PATH}`, NODE_ENV: 'production' },
    ...options,
  });

test('installs once, and again only when package-lock.json has changed; the words of npm are for failures', async () => {
  const first = await start(['local/target.mjs', 'one']).ended;
  expect(first.stderr).toMatch(/^Installing what this project needs .*\nInstalled in \d+ s\.\nready \["one"\]/);
  expect(first.stdout).toBe('');
  expect(npmCalls()).toEqual(['development ci --include=dev --include=optional --loglevel=error']);

  const second = await start(['local/target.mjs', 'two']).ended;
  expect(second.stderr).toMatch(/^ready \["two"\]/);
  expect(npmCalls()).toHaveLength(1);

  appendFileSync(join(project, 'package-lock.json'), '\n');
  expect((await start([]).ended).code).toBe(0);
  expect(npmCalls()).toHaveLength(2);
  await start([]).ended;
  expect(npmCalls()).toHaveLength(2);
});

test('an installation that fails is said with the words of npm, and tried again next time', async () => {
  npmDoes('exit 7');
  const failed = await start(['local/target.mjs']).ended;
  expect(failed.code).toBe(7);
  expect(failed.stderr).toContain('words of npm');
  expect(failed.stderr).toContain('The installation failed (npm ci). Check the network and run the command again.');
  await start(['local/target.mjs']).ended;
  expect(npmCalls()).toHaveLength(2);
});

test('arguments, folder, exit code and death of the program are passed through', async () => {
  const args = ['-- a b', '--json', "it's", '"$HOME"', '*', ''];
  const ended = await start(['local/target.mjs', ...args]).ended;
  expect(ended.code).toBe(3);
  expect(ended.stderr).toContain(`ready ${JSON.stringify(args)}${project}--max-semi-space-size=${MAX_SEMI_SPACE_MIB}`);
  expect((await start(['local/target.mjs', 'die']).ended).code).toBe(128 + 9);
});

test('the program answers a signal, the launcher waits for its answer', async () => {
  const stopped = start(['local/target.mjs', 'wait']);
  await stopped.says('ready');
  stopped.child.kill('SIGTERM');
  expect(await stopped.ended).toMatchObject({ code: 5, signal: null });

  // As a terminal does: Ctrl-C reaches every process of the group.
  const interrupted = start(['local/target.mjs', 'wait'], { isGroup: true });
  await interrupted.says('ready');
  process.kill(-interrupted.child.pid!, 'SIGINT');
  expect(await interrupted.ended).toMatchObject({ code: 4, signal: null });
});
