import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { excerptKey, partName, reportKey } from '../../functions/shared/object-keys.ts';
import { json, KEY, refused, startFakeStack } from './fake-stack.ts';
import { cleanUp, newFolder, recordOf, runProgram } from './program.ts';

// Each command is a process of its own, a second or more on a busy machine.
jest.setTimeout(120_000);

afterAll(cleanUp);

describe('of a run of this machine', () => {
  const out = newFolder();
  let runId: string;
  let path: string;
  let first: Buffer;
  const report = (...args: string[]) => runProgram(['report', ...args, '--out', out]);

  beforeAll(async () => {
    runId = String(recordOf(await runProgram(['run', '--out', out, '--json'])).run_id);
    path = join(out, 'results', reportKey(runId));
    first = readFileSync(path);
  });

  test('prints its path, by its id, by how it begins, or as that of the newest', async () => {
    for (const args of [[runId], ['reviews-'], []]) expect(await report(...args)).toMatchObject({ code: 0, stdout: `${path}\n` });
  });

  test('makes it again where it is gone, the same to the byte', async () => {
    rmSync(path);
    expect(await report(runId)).toMatchObject({ code: 0, stdout: `${path}\n` });
    expect(readFileSync(path)).toEqual(first);
  });

  test('says so where there is nothing to make it of, and leaves nothing behind', async () => {
    const excerpt = join(out, 'work', excerptKey(runId, partName(0)));
    const kept = readFileSync(excerpt);
    rmSync(path);
    rmSync(excerpt);
    expect(refused(await report(runId))).toMatch(
      /^What the report of reviews-\w+ is made of is not there: .* Run the file again to have it/,
    );
    expect(existsSync(path)).toBe(false);
    writeFileSync(excerpt, kept);
    expect(await report(runId)).toMatchObject({ code: 0 });
  });

  test('opens it with the program that the system has for it', async () => {
    const bin = newFolder();
    const opener = { darwin: 'open', win32: 'cmd' }[process.platform as string] ?? 'xdg-open';
    writeFileSync(join(bin, opener), `#!/bin/sh\nprintf '%s' "$1" > '${bin}/opened.part' && mv '${bin}/opened.part' '${bin}/opened'\n`);
    chmodSync(join(bin, opener), 0o755);
    const ended = await runProgram(['report', runId, '--open', '--out', out], { env: { PATH: `${bin}:${process.env.PATH}` } });
    expect(ended).toMatchObject({ code: 0, stdout: `${path}\n` });
    const without = await runProgram(['report', runId, '--open', '--out', out], { env: { PATH: newFolder() } });
    expect(without.stderr).toContain(`${opener} is not there to open it`);
    expect(without.code).toBe(0);
    expect(readFileSync(join(bin, 'opened'), 'utf8')).toBe(path);
  });

  test('names what there is none of', async () => {
    expect(refused(await report('nothing'))).toBe(`There is no run nothing in ${out}.\n`);
    const empty = newFolder();
    expect(refused(await runProgram(['report', '--out', empty]))).toBe(`There is no run in ${empty} that has ended.\n`);
  });
});

test('of a run of a stack, fetches a copy; of one that has not ended, says so', async () => {
  const stack = await startFakeStack();
  try {
    await stack.drop();
    const runId = await stack.submit();
    const out = newFolder();
    expect(refused(await stack.command('report', runId, '--stack', '--out', out))).toMatch(/has not ended: its end writes the report/);
    await stack.work(`${runId}-1`);
    const ended = await stack.command('report', runId, '--stack', '--out', out);
    const path = join(out, 'results', reportKey(runId));
    expect(ended).toMatchObject({ code: 0, stdout: `${path}\n` });
    const stored = await stack.stores.results.get(reportKey(runId));
    expect(readFileSync(path)).toEqual(stored);
    expect(stored?.toString()).toContain(KEY);
    expect(json(await stack.command('status', runId, '--stack', '--json'))).toMatchObject({ status: 'complete' });
  } finally {
    await stack.close();
  }
});
