import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openModel } from '../../bench/model/open-model.ts';
import { startOf, treeOf } from '../../bench/processes/process-tree.ts';
import { ProgramRun, runProgram } from '../../bench/processes/program-run.ts';
import type { Contestant } from '../../bench/spark/contestants.ts';
import { rowAccount } from '../../bench/spark/result-rows.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hundredfold-bench-test-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const shell = (script: string) => ({ name: 'a shell', command: 'sh', args: ['-c', script] });
const own = () => treeOf([process.pid]);

describe('a program', () => {
  test('is killed with everything below it', async () => {
    const before = new Set(own());
    const run = new ProgramRun(shell('(sleep 300 & sleep 300); sleep 300'));
    const started = () => own().filter((pid) => !before.has(pid));
    while (started().length < 3) await turn();
    const members = started().map((pid) => [pid, startOf(pid)] as const);
    run.kill();
    expect((await run.ended).exitCode).toBeNull();
    // One that nobody waits for any more is there until the system has taken it away.
    while (members.some(([pid, startTicks]) => startTicks !== undefined && startOf(pid) === startTicks)) await turn();
  });

  test('gives its output, its exit code, its time and its memory', async () => {
    const { stdout, stderr, exitCode, use } = await new ProgramRun(shell('echo out; echo err >&2; sleep 0.6; exit 3')).ended;
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: 'out\n', stderr: 'err\n', exitCode: 3 });
    expect(use.seconds).toBeGreaterThan(0.5);
    if (process.platform === 'linux') expect(use.memoryMb).toBeGreaterThan(0);
  });

  test('that fails or is not there is an error with its words', async () => {
    await expect(runProgram(shell('echo no such thing >&2; exit 7'))).rejects.toThrow('a shell ended with exit code 7:\nno such thing');
    await expect(runProgram({ name: 'nothing', command: join(folder, 'nothing'), args: [] })).rejects.toThrow('nothing did not start');
  });
});

describe('the model server', () => {
  test('answers alike what is alike, counts what is paid, and meets its faults', async () => {
    await using model = await openModel();
    const post = async (content: string) => {
      const signal = AbortSignal.timeout(500);
      try {
        const answer = await fetch(`${model.baseUrl}/chat/completions`, { method: 'POST', body: content, signal });
        const body = (await answer.json()) as { choices?: [{ message: { content: string } }] };
        return body.choices?.[0].message.content ?? answer.status;
      } catch {
        return 'none';
      }
    };
    const [one, other] = [await post('one'), await post('other')];
    expect(one).toMatch(/^Batch [0-9a-f]{12}: Customers/);
    expect(other).not.toBe(one);
    expect(await post('one')).toBe(one);
    expect(await model.stats()).toMatchObject({ requests: 3, answers: 3, paidTwice: 1, faults: {}, inFlight: 0 });

    await model.begin({ faults: { period: 1, seed: 1 } });
    const met: unknown[] = [];
    for (let request = 0; request < 5; request++) met.push(await post('one'));
    expect(met).toEqual([500, 429, 'none', 'none', 'none']);
    // Only the answer that was cut off is paid.
    expect(await model.stats()).toMatchObject({
      requests: 5,
      answers: 1,
      paidTwice: 0,
      faults: { 500: 1, 429: 1, drop: 1, cut: 1, hang: 1 },
    });
  });
});

test('rows are counted as kept, doubled and failed by the table that Spark left', async () => {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const rows = "('1', 'good'), ('2', 'ERROR: Connection error.'), ('2', 'ERROR: Connection error.'), ('3', NULL)";
  await connection.run(`COPY (SELECT * FROM (VALUES ${rows}) AS t(id, summary)) TO '${folder}/part-0.parquet' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
  const spark = { isSpark: true } as Contestant;
  expect(await rowAccount(spark, folder)).toEqual({ kept: 3, doubled: 1, failed: 3 });
});
