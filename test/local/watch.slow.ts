import { globSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { type ModelServer, startModelServer } from '../../local/model-server/model-server.ts';
import { type HeldEndpoint, heldEndpoint } from './held-endpoint.ts';
import { cleanUp, type Ended, endpointEnv, newFolder, reviewsCsv, runProgram, startProgram } from './program.ts';

// Each watch is a process of its own, a second or more on a busy machine.
jest.setTimeout(60_000);
afterAll(cleanUp);

let incoming: string;
let out: string;
let endpoint: HeldEndpoint;
let server: ModelServer | undefined;
beforeEach(async () => {
  const folder = newFolder();
  incoming = join(folder, 'incoming');
  out = join(folder, 'out');
  mkdirSync(join(incoming, 'support'), { recursive: true });
  endpoint = await heldEndpoint();
});
afterEach(async () => {
  await endpoint.close();
  await server?.close();
});

const args = (...flags: string[]) => ['watch', incoming, '--out', out, '--settle', '1', '--batch-size', '10', ...flags];
const drop = (key: string, text: string) => writeFileSync(join(incoming, key), text);
const recordsOf = ({ stdout }: Ended): Record<string, unknown>[] =>
  stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
const messagesOf = (calls: HeldEndpoint['calls']) => calls.map(({ request }) => JSON.stringify(request.messages));

test('files that are dropped become runs at once, sharing the calls in flight; a bad one is one sentence; the next start does nothing again', async () => {
  drop('support/_hundredfold.json', '{"rollUp": false}');
  const program = startProgram(args('--concurrency', '3', '--json'), { env: endpointEnv(endpoint) });
  await program.says('Watching');
  drop('july.csv', reviewsCsv(40));
  drop('support/august.csv', reviewsCsv(40, 100));
  drop('half.csv.part', reviewsCsv(5, 200));
  await program.until(endpoint.arrived(3));
  await program.says('july.csv: 40 rows, 4 batches');
  await program.says('support/august.csv: 40 rows, 4 batches');
  endpoint.releaseAll();
  await program.shows('"dataset":"support"');
  await program.shows('"dataset":"default"');
  expect(endpoint.mostInFlight()).toBe(3);

  drop('table.csv', 'a,b\n1,2\n');
  await program.says('table.csv: rejected');
  // The rest of the file comes, and then its name.
  drop('half.csv.part', reviewsCsv(20, 200));
  renameSync(join(incoming, 'half.csv.part'), join(incoming, 'half.csv'));
  await program.shows('"source_key":"half.csv"');
  program.child.kill('SIGINT');
  const ended = await program.ended;
  expect(ended.code).toBe(2);
  expect(recordsOf(ended).map(({ source_key, status, rows_in, calls }) => [source_key, status, rows_in, calls])).toEqual(
    expect.arrayContaining([
      ['july.csv', 'complete', 40, 5],
      ['support/august.csv', 'complete', 40, 4],
      ['half.csv', 'complete', 20, 3],
    ]),
  );
  expect(ended.stderr.match(/table\.csv/g)).toHaveLength(1);
  expect(ended.stderr).toMatch(/To go on: hundredfold watch /);

  const paid = endpoint.calls.length;
  const again = await runProgram(args('--once', '--json'), { env: endpointEnv(endpoint) });
  expect(again.code).toBe(2);
  expect(again.stderr).toContain('3 uploads had been summarized before.');
  expect(recordsOf(again)).toEqual([]);
  // Other settings make other runs only of what was refused.
  const mended = await runProgram(args('--once', '--json', '--text-column', 'b'), { env: endpointEnv(endpoint) });
  expect(recordsOf(mended).map(({ source_key, status }) => [source_key, status])).toEqual([['table.csv', 'complete']]);
  expect(endpoint.calls).toHaveLength(paid + 1);
});

test('killed in the middle and started again it goes on, and no answer is paid twice', async () => {
  drop('july.csv', reviewsCsv(80));
  const program = startProgram(args('--concurrency', '1'), { env: endpointEnv(endpoint) });
  await program.until(endpoint.arrived(1));
  endpoint.calls[0]!.release();
  await program.until(endpoint.arrived(2));
  endpoint.calls[1]!.release();
  await program.until(endpoint.arrived(3));
  while (globSync('work/summaries/*/*/*.json', { cwd: out }).length < 2) await setImmediate();
  program.child.kill('SIGKILL');
  await program.ended;

  endpoint.releaseAll();
  const again = await runProgram(args('--once', '--json'), { env: endpointEnv(endpoint) });
  expect(again.code).toBe(0);
  expect(again.stderr).toContain('goes on; run july-');
  expect(recordsOf(again)).toMatchObject([{ status: 'complete', rows_summarized: 80, calls: 9, calls_this_attempt: 7 }]);
  // The third had no answer when its process was killed.
  expect(endpoint.calls).toHaveLength(10);
  expect(new Set(messagesOf(endpoint.calls)).size).toBe(9);
});

test('Ctrl-C finishes the calls in flight; the next start goes on with the run', async () => {
  drop('july.csv', reviewsCsv(80));
  const program = startProgram(args('--concurrency', '3', '--quiet', '--json'), { env: endpointEnv(endpoint) });
  await program.until(endpoint.arrived(3));
  program.child.kill('SIGINT');
  await program.says('Stopping: the calls in flight are finished and kept.');
  endpoint.releaseAll();
  const halted = await program.ended;
  expect(halted.code).toBe(4);
  expect(recordsOf(halted)).toMatchObject([{ status: 'halted', stop_reason: 'interrupted', calls: 3 }]);

  const again = await runProgram(args('--once', '--quiet', '--json'), { env: endpointEnv(endpoint) });
  expect(again).toMatchObject({ code: 0, stderr: '' });
  expect(recordsOf(again)).toMatchObject([{ status: 'complete', calls: 9, calls_this_attempt: 6 }]);
  expect(endpoint.calls).toHaveLength(9);
});

test('a run that its endpoint halted is not tried again by the next start a moment later', async () => {
  server = await startModelServer({ faults: () => ({ kind: 'status', status: 429, code: 'insufficient_quota' }) });
  drop('july.csv', reviewsCsv(20));
  const halted = await runProgram(args('--once'), { env: endpointEnv(server) });
  expect(halted.code).toBe(4);
  expect(halted.stdout).toMatch(/july\.csv: halted \(quota_exhausted: insufficient_quota\).*npm run redrive -- july-/);
  const asked = server.stats().requests;
  const again = await runProgram(args('--once'), { env: endpointEnv(server) });
  expect(again.code).toBe(4);
  expect(again.stderr).toMatch(/july\.csv: halted before .*; it is tried again in 1[45] min/);
  expect(server.stats().requests).toBe(asked);
});

test('2: no folder, results among the uploads, wrong settings; nothing is written', async () => {
  const cases: [args: string[], words: string][] = [
    [['watch', join(incoming, 'none'), '--out', out], `There is no folder ${join(incoming, 'none')}`],
    [['watch', incoming, '--out', join(incoming, 'results')], 'name another --out.'],
    [['watch', join(incoming, 'support'), '--out', incoming], 'name another --out.'],
    [args('--batch-size', 'many'), 'batchRows'],
    [args('--max-runs', '0'), '--max-runs'],
  ];
  for (const [given, words] of cases) {
    const ended = await runProgram(given);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain(words);
  }
  expect(readdirSync(incoming)).toEqual(['support']);
  rmSync(out, { recursive: true, force: true });
});
