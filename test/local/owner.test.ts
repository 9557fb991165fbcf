import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { livingProcess, ownerOf, thisOwner } from '../../local/owner.ts';

test('this process lives; one that began at another time, or is none, does not', () => {
  expect(livingProcess(thisOwner())).toBe(process.pid);
  expect(livingProcess(`process:${process.pid}@1`)).toBeUndefined();
  expect(livingProcess('execution:arn')).toBeUndefined();
});

const statOf = (pid: number | undefined) => readFileSync(`/proc/${pid}/stat`, 'utf8');
const testWithProc = existsSync('/proc/self/stat') ? test : test.skip;

testWithProc('a process that was killed is gone, also while its parent has not asked about it', async () => {
  // The shell becomes a program that never asks about the child that it has got.
  const shell = spawn('sh', ['-c', 'sleep 20 & echo $!; exec sleep 20'], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const [line] = await once(shell.stdout, 'data');
    const pid = Number(String(line));
    const owner = ownerOf(pid);
    expect(livingProcess(owner)).toBe(pid);
    // A shell would ask about it.
    while (!/^\d+ \(sleep\) /.test(statOf(shell.pid))) await sleep(5);
    process.kill(pid, 'SIGKILL');
    while (!/^\d+ \(.*\) Z /.test(statOf(pid))) await sleep(5);
    expect(livingProcess(owner)).toBeUndefined();
    expect(livingProcess(ownerOf(pid))).toBeUndefined();
  } finally {
    shell.kill('SIGKILL');
  }
});
