import { delimiter, join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { cleanUp, newFolder, repository, startCommand } from '../local/program.ts';

afterAll(cleanUp);

/** The environment of a person who has just cloned: the machine's own Node, no key, nothing of the npm that runs this test. */
const { PATH = '', ...others } = process.env;
const env = {
  ...Object.fromEntries(
    Object.entries(others).filter((entry): entry is [string, string] => !/^(OPENAI_|npm_|NODE$|NODE_OPTIONS$|INIT_CWD$)/.test(entry[0])),
  ),
  PATH: PATH.split(delimiter)
    .filter((folder) => !folder.includes('node_modules') && !folder.includes('node-gyp-bin'))
    .join(delimiter),
};

test('npm start on a bare clone installs what is missing and summarizes the sample; the second time there is nothing to install', async () => {
  const clone = join(newFolder(), 'clone');
  expect(await startCommand('git', ['clone', '--quiet', '--no-hardlinks', repository, clone]).ended).toMatchObject({ code: 0 });
  const timed = async (command: string, ...args: string[]) => {
    const startedAt = performance.now();
    const ended = await startCommand(command, args, { cwd: clone, env }).ended;
    return { ...ended, seconds: ((performance.now() - startedAt) / 1000).toFixed(2) };
  };
  const version = await timed('node', '--version');
  const first = await timed('npm', 'start');
  expect(first.stderr).toContain('Installing what this project needs');
  expect(first).toMatchObject({ code: 0 });
  expect(first.stdout).toContain('365 read, 362 summarized');
  expect(first.stdout).toContain('5 now, 5 in all');

  const second = await timed('npm', 'start');
  expect(second.code).toBe(0);
  expect(second.stderr).not.toContain('Install');
  expect(second.stdout).toContain('0 now, 5 in all (5 answers already there)');
  const launcher = await timed('node', 'local/launch.mjs');
  const asked = await timed('npm', 'run', '--silent', 'query', '--', '--json', 'select count(*) as n from row_summaries');
  expect(asked).toMatchObject({ code: 0, stdout: '[{"n":362}]\n' });
  const status = await timed('git', 'status', '--porcelain');
  expect(status.stdout).toBe('');
  process.stdout.write(
    `node ${version.stdout.trim()}: first npm start ${first.seconds} s, second ${second.seconds} s, of which the launcher ${launcher.seconds} s\n`,
  );
});
