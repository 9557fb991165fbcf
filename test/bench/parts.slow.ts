import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const run = promisify(execFile);
const repository = fileURLToPath(new URL('../..', import.meta.url));
const PATH = `${join(repository, 'node_modules/.bin')}:${process.env.PATH}`;

/** Each command with sizes so small that nothing of what it measures means anything, and what its table must have. */
const commands: [string, string, string[]][] = [
  ['write', '--rows 2000 --repetitions 1', ['write-tables, one part at a time', 'DuckDB, COPY']],
  ['ledger', '--rows 2000 --repetitions 1', ['its proof alone', '100 groups']],
  ['grouping', '--rows 3000 --repetitions 1 --many-rows 4000 --groups 50', ['plan, grouped', 'DuckDB, ORDER BY']],
  ['limits', '--minutes 1 --workers 8 --real-seconds 1', ['sliding window of requests', 'real time']],
  ['engine', '--few 100 --many 200 --most 2500 --repetitions 1', ['loop over the manifest', '2,500']],
  ['scale', '--rows 200000 --staged-rows 2000 --repetitions 1 --cost-rows 200', ['its proof where rows are grouped', 'All of AWS']],
  ['cold', '--starts 1', ['finish-run', 'Node alone']],
];

let temporary: string;
beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'hundredfold-commands-'));
});
afterAll(() => rm(temporary, { recursive: true, force: true }));

const bench = (args: readonly string[]) =>
  run('node', ['--max-semi-space-size=8', 'bench/run.ts', ...args], { cwd: repository, env: { ...process.env, PATH, TMPDIR: temporary } });

test.each(commands)(
  '%s runs to its end with small sizes, keeps nothing of them and leaves nothing behind',
  async (name, sizes, expected) => {
    const page = join(repository, 'docs/benchmarks.md');
    const kept = await readFile(page, 'utf8');
    const { stdout } = await bench([name, ...sizes.split(' ')]);
    for (const words of expected) expect(stdout).toContain(words);
    expect(await readFile(page, 'utf8')).toBe(kept);
    expect(await readdir(temporary)).toEqual([]);
  },
  300_000,
);

test('what DuckDB cannot do with its memory is left out and told', async () => {
  const sizes = '--rows 3000 --repetitions 1 --many-rows 4000 --groups 50 --memory-mb 1';
  const { stdout, stderr } = await bench(['grouping', ...sizes.split(' ')]);
  expect(stderr).toContain('DuckDB, ORDER BY group, row could not do with that memory; it is left out.');
  expect(stdout).toContain('DuckDB could not do with that memory what is missing here.');
  expect(stdout).not.toContain('| DuckDB, ORDER BY');
  expect(await readdir(temporary)).toEqual([]);
});

test('a size that is none is refused, and nothing is left behind', async () => {
  await expect(bench(['write', '--rows', 'many'])).rejects.toThrow('--rows takes a whole number, not "many".');
  const sentence = '--workers takes a multiple of 8, the most runs that share them, not "12".';
  await expect(bench(['limits', '--workers', '12'])).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining(sentence) });
  expect(await readdir(temporary)).toEqual([]);
});

test.each([
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('a command that is stopped by %s ends what it has started and leaves nothing behind', async (signal, exitCode) => {
  const child = spawn('node', ['bench/run.ts', 'write', '--rows', '1000000', '--repetitions', '1'], {
    cwd: repository,
    env: { ...process.env, PATH, TMPDIR: temporary },
  });
  const ended = once(child, 'exit');
  await once(child.stderr, 'data');
  // The benchmark is at work, and waits for a process of its own.
  expect(await processesWith(temporary)).toBeGreaterThan(0);
  child.kill(signal);
  expect(await ended).toEqual([exitCode, null]);
  expect(await readdir(temporary)).toEqual([]);
  expect(await processesWith(temporary)).toBe(0);
});

/** Processes whose environment names a folder. */
async function processesWith(folder: string): Promise<number> {
  const environments = (await readdir('/proc'))
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => readFile(`/proc/${pid}/environ`, 'utf8').catch(() => ''));
  return (await Promise.all(environments)).filter((environment) => environment.includes(join(folder, 'hundredfold-bench-'))).length;
}
