import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onStop } from './on-stop.ts';

/**
 * Runs a script in a process group and a folder for temporary files of its own, and ends with its exit code. Whatever the script starts and
 * writes there is gone when it ends, fails or is stopped.
 */
export function runInOwnGroup(script: string, args: readonly string[]): void {
  const folder = mkdtempSync(join(tmpdir(), 'hundredfold-bench-'));
  const child = spawn(process.execPath, [...process.execArgv, script, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
    env: { ...process.env, TMPDIR: folder },
  });

  function end(code: number): never {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // Nobody of the group is left.
    }
    // Whoever was just killed may still have been writing.
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    process.exit(code);
  }

  onStop(end);
  child.on('error', (error) => {
    console.error(error.message);
    end(1);
  });
  child.on('exit', (code) => end(code ?? 1));
}
