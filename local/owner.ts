import { readFileSync } from 'node:fs';

/** When a process began, as the kernel counts it where that can be read; a process id alone may be used again. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '?';
  } catch {
    return '?';
  }
}

/** The name under which this process claims an attempt. */
export const thisOwner = () => `process:${process.pid}@${startOf(process.pid)}`;

/** The process id of an owner that still lives, undefined where it is gone or was no process. */
export function livingProcess(owner: string): number | undefined {
  const match = /^process:(\d+)@(.+)$/.exec(owner);
  if (!match) return undefined;
  const pid = Number(match[1]);
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined;
  }
  return startOf(pid) === match[2] ? pid : undefined;
}
