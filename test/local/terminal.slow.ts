import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type HeldEndpoint, heldEndpoint } from './held-endpoint.ts';
import { cleanUp, endpointEnv, newFolder, reviewsCsv, runProgram } from './program.ts';
import { hasColours, hasControls, hasTerminals, isRestored, startInTerminal, strokesOf } from './terminal.ts';

// Each run is a process of its own, a second or more on a busy machine.
jest.setTimeout(60_000);

if (!hasTerminals) process.stderr.write('The suite of the terminal is skipped: there is no `script` of util-linux.\n');

const CTRL_C = '\u0003';

let folder: string;
let file: string;
beforeAll(() => {
  folder = newFolder();
  file = join(folder, 'my reviews.csv');
  writeFileSync(file, reviewsCsv(80));
});
afterAll(cleanUp);

let endpoint: HeldEndpoint;
beforeEach(async () => {
  endpoint = await heldEndpoint();
});
afterEach(() => endpoint.close());

const args = (out: string, ...flags: string[]) => [
  'run',
  file,
  '--batch-size',
  '10',
  '--concurrency',
  '3',
  '--out',
  join(folder, out),
  ...flags,
];
const start = (columns: number, out: string, env: Record<string, string> = {}) =>
  startInTerminal(args(out), columns, { ...endpointEnv(endpoint), ...env });

(hasTerminals ? describe : describe.skip)('in a terminal', () => {
  test.each([
    [120, 'level 1 of 2 · 0/9 batches'],
    [24, ' 0/9 · ?'],
  ])('the bar in %i columns: one line, gone at the end, and the terminal as it was', async (columns, shown) => {
    const program = start(columns, `bar-${columns}`);
    await program.until(endpoint.arrived(3));
    await program.shows(shown);
    endpoint.releaseAll();
    const ended = await program.ended;
    expect(ended.code).toBe(0);
    expect(isRestored(ended)).toBe(true);
    const bars = strokesOf(ended).filter((stroke) => /[█░]/.test(stroke));
    expect(bars.length).toBeGreaterThan(1);
    for (const bar of bars) expect(bar.length).toBeLessThan(columns);
    expect(hasColours(ended)).toBe(true);
    expect(strokesOf(ended).at(-1)).toContain('Ask on:');
  });

  test('Ctrl-C finishes the calls in flight; the command that it names goes on and pays only for the rest', async () => {
    const program = start(100, 'once', { NO_COLOR: '1' });
    await program.until(endpoint.arrived(3));
    program.type(CTRL_C);
    await program.shows('Ctrl-C again stops at once.');
    await program.shows('stopping, 3 in flight');
    endpoint.releaseAll();
    const halted = await program.ended;
    expect(halted.code).toBe(4);
    expect(isRestored(halted)).toBe(true);
    expect(hasColours(halted)).toBe(false);
    const last = strokesOf(halted).at(-1) ?? '';
    expect(last).toBe(`To go on: hundredfold run '${file}' --batch-size 10 --concurrency 3 --out ${join(folder, 'once')}`);
    expect(endpoint.calls).toHaveLength(3);

    const again = startInTerminal(args('once'), 100, endpointEnv(endpoint));
    const complete = await again.ended;
    expect(complete.code).toBe(0);
    expect(strokesOf(complete).join('\n')).toMatch(/6 now, 9 in all \(3 answers already there\)/);
    expect(endpoint.calls).toHaveLength(9);
  });

  test('a second Ctrl-C stops at once, with the terminal restored and the way on as the last line', async () => {
    const program = start(100, 'twice');
    await program.until(endpoint.arrived(3));
    program.type(CTRL_C);
    await program.shows('Ctrl-C again stops at once.');
    program.type(CTRL_C);
    const stopped = await program.ended;
    expect(stopped.code).toBe(130);
    expect(isRestored(stopped)).toBe(true);
    expect(strokesOf(stopped).at(-1)).toMatch(/^Stopped\. To go on: hundredfold run /);
  });

  test('CI, dumb terminals and --quiet have no bar and no cursor control', async () => {
    endpoint.releaseAll();
    const [ci, dumb] = await Promise.all([start(80, 'ci', { CI: 'true', NO_COLOR: '1' }).ended, start(80, 'dumb', { TERM: 'dumb' }).ended]);
    for (const ended of [ci, dumb]) {
      expect(ended.code).toBe(0);
      expect(hasControls(ended)).toBe(false);
      expect(ended.stdout).not.toMatch(/[█░]/);
    }
  });
});

test('--quiet: the result alone on stdout; with --json the record alone; trouble still says what to do', async () => {
  endpoint.releaseAll();
  const env = endpointEnv(endpoint);
  const quiet = await runProgram(args('quiet', '--quiet'), { env });
  expect(quiet).toMatchObject({ code: 0, stderr: '' });
  expect(quiet.stdout).toMatch(/^Complete\n/);
  const json = await runProgram(args('quiet', '--quiet', '--json'), { env });
  expect(json).toMatchObject({ code: 0, stderr: '' });
  expect(json.stdout.trimEnd().split('\n')).toHaveLength(1);

  const capped = await runProgram(args('capped', '--quiet', '--json', '--max-cost-usd', '0.00025', '--concurrency', '1'), { env });
  expect(capped.code).toBe(4);
  expect(capped.stderr.trimEnd().split('\n')).toEqual([
    expect.stringMatching(/^Warning: this may cost more/),
    expect.stringMatching(/^Halted \(budget_exceeded/),
    expect.stringMatching(/^To go on with a higher cap: hundredfold run .* --max-cost-usd 0\.\d+$/),
  ]);
});
