import { readFileSync } from 'node:fs';

/** Of a process that has ended and that its parent has not asked about yet. */
const ZOMBIE = 'Z';
const ENDED = 'ended';

/** When a process began, as the kernel counts it where that can be read; a process id alone may be used again. ENDED where only its entry is left. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === ZOMBIE ? ENDED : (fields[19] ?? '?');
  } catch {
    return '?';
  }
}

/** The name under which a process claims an attempt. */
export const ownerOf = (pid: number) => `process:${pid}@${startOf(pid)}`;
export const thisOwner = () => ownerOf(process.pid);

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
  const start = startOf(pid);
  return start !== ENDED && start === match[2] ? pid : undefined;
}
