import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { type ModelServer, startModelServer } from '../../local/model-server/model-server.ts';
import { type HeldEndpoint, heldEndpoint } from './held-endpoint.ts';
import { cleanUp, endpointEnv, newFolder, recordOf, reviewsCsv, runProgram, startProgram } from './program.ts';

// Each run is a process of its own, a second or more on a busy machine.
jest.setTimeout(60_000);

let folder: string;
let file: string;
beforeAll(() => {
  folder = newFolder();
  file = join(folder, 'reviews.csv');
  writeFileSync(file, reviewsCsv(80));
});
afterAll(cleanUp);

let endpoint: HeldEndpoint;
beforeEach(async () => {
  endpoint = await heldEndpoint();
});
let throttling: ModelServer | undefined;
afterEach(async () => {
  await endpoint.close();
  await throttling?.close();
});

const command = (out: string) => ['run', file, '--batch-size', '10', '--concurrency', '3', '--json', '--out', join(folder, out)];

test('Ctrl-C lets the calls in flight finish, starts no other, and the next run pays only for the rest', async () => {
  const program = startProgram(command('once'), { env: endpointEnv(endpoint) });
  await program.until(endpoint.arrived(3));
  program.child.kill('SIGINT');
  await program.says('Stopping: the calls in flight are finished and kept');
  endpoint.releaseAll();
  const halted = await program.ended;
  expect(halted.code).toBe(4);
  expect(recordOf(halted)).toMatchObject({ status: 'halted', stop_reason: 'interrupted', calls: 3, rows_summarized: 30, rows_failed: 50 });
  expect(endpoint.calls).toHaveLength(3);

  const again = await runProgram(command('once'), { env: endpointEnv(endpoint) });
  expect(again.code).toBe(0);
  expect(recordOf(again)).toMatchObject({ status: 'complete', calls: 9, calls_this_attempt: 6, rows_summarized: 80 });
  expect(endpoint.calls).toHaveLength(9);
  expect(new Set(endpoint.calls.map(({ request }) => JSON.stringify(request.messages))).size).toBe(9);
});

test('a second Ctrl-C stops at once; until then another process on the same run is refused, afterwards it goes on', async () => {
  const program = startProgram(command('twice'), { env: endpointEnv(endpoint) });
  await program.until(endpoint.arrived(3));
  const second = await runProgram(command('twice'), { env: endpointEnv(endpoint) });
  expect(second).toMatchObject({ code: 2, stdout: '' });
  expect(second.stderr).toBe(
    `Process ${program.child.pid} is working on this very run. Wait until it ends, or stop it (kill ${program.child.pid}) and run again.\n`,
  );
  program.child.kill('SIGINT');
  await program.says('Stopping:');
  program.child.kill('SIGINT');
  expect(await program.ended).toMatchObject({ code: 130, stdout: '' });

  endpoint.releaseAll();
  const again = await runProgram(command('twice'), { env: endpointEnv(endpoint) });
  expect(recordOf(again)).toMatchObject({ status: 'complete', calls: 9, calls_this_attempt: 9 });
});

test('Ctrl-C cuts short the wait that an endpoint asked for', async () => {
  const asked = Promise.withResolvers<void>();
  throttling = await startModelServer({
    faults: (requestIndex) => {
      if (requestIndex === 2) asked.resolve();
      return { kind: 'status', status: 429, retryAfterSeconds: 3_600 };
    },
  });
  const program = startProgram(command('waiting'), { env: endpointEnv(throttling) });
  await program.until(asked.promise);
  program.child.kill('SIGINT');
  const halted = await program.ended;
  expect(halted.code).toBe(4);
  expect(recordOf(halted)).toMatchObject({ status: 'halted', stop_reason: 'interrupted', calls: 0 });
});
