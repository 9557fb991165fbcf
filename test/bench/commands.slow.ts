import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

const script = fileURLToPath(new URL('../../bench/run.ts', import.meta.url));
const kept = fileURLToPath(new URL('../../bench/results', import.meta.url));
const docs = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hundredfold-bench-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** `npm run bench`, with a folder of its own for what is temporary. */
const bench = (...args: string[]) =>
  new Promise<Ended>((resolve) => {
    const env = { ...process.env, TMPDIR: folder };
    const child = execFile(process.execPath, [script, ...args], { env }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });

const resultsOf = (name: string) => JSON.parse(readFileSync(join(folder, 'results', `${name}.json`), 'utf8'));
const leftovers = () => readdirSync(folder).filter((name) => name.startsWith('hundredfold-bench'));

describe('npm run bench', () => {
  test('lists the benchmarks, without a name and with --help', async () => {
    const listed = await bench();
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    expect(await bench('--help')).toEqual(listed);
    const names = [...listed.stdout.matchAll(/^ {2}(\S+) +\S.*\(.*minutes\)$/gm)].map((match) => match[1]);
    expect(names).toEqual(expect.arrayContaining(['plan', 'spark', 'limit', 'instant', 'quick']));
  });

  test('tells wrong arguments in one sentence and starts nothing', async () => {
    const wrong = [
      ['nothing'],
      ['limit', '--rows', '1'],
      ['quick', '--repetitions', '0.5'],
      ['grouping', '--groups', '0'],
      ['limit', '--latency-ms', '0'],
    ];
    for (const { code, stdout, stderr } of await Promise.all(wrong.map((args) => bench(...args)))) {
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/^[^\n]+\n$/);
    }
    expect(leftovers()).toEqual([]);
  });
});

/** Each command as small as can be. */
const small: Record<string, string[]> = {
  plan: ['--rows', '1000', '--memory-rows', '2000', '--repetitions', '1'],
  limit: ['--concurrency', '2,3', '--latency-ms', '20', '--seconds', '1', '--most-calls', '6', '--repetitions', '1'],
  instant: ['--rows', '1000', '--few-rows', '200', '--most-rows', '1500', '--repetitions', '1'],
  quick: ['--instant-rows', '200', '--plan-rows', '200', '--engine-batches', '10', '--limit-seconds', '1', '--repetitions', '1'],
};

describe('a benchmark as small as can be', () => {
  test.each(Object.keys(small))('%s ends with its results where it is told, and leaves all others alone', async (name) => {
    const before = [readdirSync(kept).map((file) => readFileSync(join(kept, file), 'utf8')), readFileSync(docs, 'utf8')];
    const { code, stdout, stderr } = await bench(name, ...(small[name] as string[]), '--results', join(folder, 'results'));
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^\|[-:|]+\|$/m);
    expect(stdout).not.toMatch(/NaN|undefined|Infinity/);
    const { command, machine, versions } = resultsOf(name);
    expect(command).toBe(['npm run bench --', name, ...(small[name] as string[])].join(' '));
    expect(`${machine} ${versions.node}`).toMatch(/cores .* \d+\.\d+\.\d+$/);
    expect([readdirSync(kept).map((file) => readFileSync(join(kept, file), 'utf8')), readFileSync(docs, 'utf8')]).toEqual(before);
    expect(leftovers()).toEqual([]);
  });

  test('limit has the calls that it says, as many in flight', () => {
    expect(resultsOf('limit').results).toMatchObject([
      { concurrency: 2, calls: 6, boundSeconds: 0.06, mostInFlight: 2 },
      { concurrency: 3, calls: 6, boundSeconds: 0.04, mostInFlight: 3 },
    ]);
  });

  test('instant has both programs, phases and functions', () => {
    const { contest, phases, functions } = resultsOf('instant').results;
    expect(contest).toMatchObject({ rows: 1_000, ours: [{ seconds: expect.any(Number) }], least: [{ seconds: expect.any(Number) }] });
    expect(Object.keys(phases)).toEqual(['begin', 'plan', 'calls', 'write', 'finish', 'end']);
    expect(functions.length).toBeGreaterThan(5);
    const section = readFileSync(join(folder, 'results', 'instant.md'), 'utf8');
    expect(section).toMatch(/times the least program: the goal is (met|missed by \d+\.\d\d)\./);
    if (process.platform === 'linux') expect(section).toMatch(/times the memory of 200: the goal is (met|missed by \d+\.\d\d)\./);
  });

  test('quick sets the second time beside the first', async () => {
    const { stdout } = await bench('quick', ...(small.quick as string[]), '--results', join(folder, 'results'));
    expect(stdout).toMatch(/^\| start: .*\| s +\| +\d+\.\d\d \| +\d+\.\d\d \| +\d+\.\d\d \|$/m);
    expect(stdout).toMatch(/^"before" is of \d{4}-\d\d-\d\d\.$/m);
  });
});

test('a benchmark that is stopped leaves nothing behind', async () => {
  const child = execFile(process.execPath, [script, 'limit', ...(small.limit as string[])], { env: { ...process.env, TMPDIR: folder } });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await new Promise((resolve) => child.stderr?.once('data', resolve));
  child.kill('SIGTERM');
  expect(await ended).toBe(143);
  expect(leftovers()).toEqual([]);
});
