import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { type ModelServer, startModelServer } from '../../local/model-server/model-server.ts';
import { callProgram } from './in-process.ts';
import { cleanUp, endpointEnv, newFolder, reviewsCsv } from './program.ts';

// Each command is a process of its own, a second or more on a busy machine.
jest.setTimeout(60_000);

let server: ModelServer;
let folder: string;
let file: string;
beforeAll(async () => {
  server = await startModelServer();
  folder = newFolder();
  file = join(folder, 'reviews.csv');
});
afterAll(async () => {
  await server.close();
  cleanUp();
});

test.each([
  [
    ['--batch-size', '50'],
    'One way alone compares nothing: give several values of --batch-size (50,100,200) or of --model (A,B), or --instruction more than once.\n',
  ],
  [
    ['--batch-size', 'abc,0'],
    'command line: batchRows: must be a whole number from 1 to 1000, not "abc"\ncommand line: batchRows: must be a whole number from 1 to 1000, not 0\n',
  ],
  [['--model', 'gpt-6-luna,llama', '--max-cost-usd', '1'], /^maxCostUsd: the price of llama is unknown, so its cost cannot be capped\./],
  [['--batch-size', '1,2', '--text-column', 'nothing'], /^There is no column "nothing"/m],
])('%j is refused in words, before anything is asked', async (args, words) => {
  writeFileSync(file, reviewsCsv(5));
  const ended = await callProgram(['compare', file, ...args, '--json', '--out', join(folder, 'out')], { env: endpointEnv(server) });
  expect(ended).toMatchObject({ code: 2, stdout: '' });
  if (typeof words === 'string') expect(ended.stderr).toBe(words);
  else expect(ended.stderr).toMatch(words);
  expect(server.stats().requests).toBe(0);
});
