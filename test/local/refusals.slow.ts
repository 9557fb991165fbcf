import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { cleanUp, newFolder, reviewsCsv, runProgram } from './program.ts';

// Each run is a process of its own, a second or more on a busy machine.
jest.setTimeout(60_000);

let folder: string;
let file: string;
let out: string;
beforeAll(() => {
  folder = newFolder();
  file = join(folder, 'reviews.csv');
  out = join(folder, 'out');
  writeFileSync(file, reviewsCsv(3));
});
afterAll(cleanUp);

const refusedSettings = (text: string, name: string) => {
  const beside = join(folder, name);
  mkdirSync(beside);
  writeFileSync(join(beside, 'reviews.csv'), reviewsCsv(3));
  writeFileSync(join(beside, '_hundredfold.json'), text);
  return join(beside, 'reviews.csv');
};

const run = (...args: string[]) => ['run', ...args, '--out', out, '--json'];

test('2: wrong usage, with words that name what is wrong, before anything is written or copied', async () => {
  const cases: [args: string[], words: string | RegExp, env?: Record<string, string>][] = [
    [run(join(folder, 'missing.csv')), `There is no file ${join(folder, 'missing.csv')}.\n`],
    [run(folder), `--out ${out} lies in the folder that is to be read; name one outside of ${folder}.\n`],
    [run('/dev/null'), '/dev/null is not a file; name one file, or a folder of part files.\n'],
    [run(file, '--upload', 'folder'), `upload: "folder", but ${file} is a file; name the folder, or`],
    [run(folder, '--upload', 'file'), `upload: "file", but ${folder} is a folder; leave out --upload file.\n`],
    [run(file, '--no-such-flag'), "unknown option '--no-such-flag'"],
    [run(file, '--limit', '0'), /--limit.*whole number from 1/],
    [run(file, '--dataset', 'a/b'), /--dataset.*one folder/],
    [run(file, '--batch-size', 'many', '--temperature', '3'), /batchRows: .*\n.*temperature: .*\n$/],
    [run(refusedSettings('{"batchRow": 5}', 'unknown')), /_hundredfold\.json: there is no setting "batchRow"/],
    [run(refusedSettings('{"batchRows": 5', 'broken')), /_hundredfold\.json: not JSON/],
    [run(file), /^OPENAI_BASE_URL: .*credentials/, { OPENAI_BASE_URL: 'http://user:secret@localhost/v1' }],
    [[], 'Usage: hundredfold'],
  ];
  for (const [args, words, env = {}] of cases) {
    const ended = await runProgram(args, { env, cwd: folder });
    if (words instanceof RegExp) expect(ended.stderr).toMatch(words);
    else expect(ended.stderr).toContain(words);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).not.toMatch(/^ {4}at |secret|defect/m);
  }
  expect(existsSync(out)).toBe(false);
  expect(readdirSync(folder).sort()).toEqual(['broken', 'reviews.csv', 'unknown']);
});

test('a folder that cannot be made is no defect: what to do is said; --verbose shows the stack', async () => {
  const [terse, verbose] = await Promise.all([[], ['--verbose']].map((flags) => runProgram(['run', file, '--out', file, ...flags])));
  expect(terse).toMatchObject({ code: 1, stdout: '' });
  expect(terse!.stderr).toMatch(/^ENOTDIR: .*\n.*name another folder with --out\. Then run the same command again.*\n$/);
  expect(verbose!.stderr).toMatch(/^ {4}at /m);
});
