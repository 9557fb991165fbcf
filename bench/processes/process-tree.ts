import { readdirSync, readFileSync } from 'node:fs';

/** What one process uses, from Linux' /proc. */
export interface ProcessUse {
  pid: number;
  /** Since the machine started, in clock ticks: with the pid it names one process for good. */
  startTicks: number;
  /** Of all its threads so far. */
  cpuSeconds: number;
  /** Its share of the memory that is resident, pages that several processes have being divided among them, in MiB. */
  memoryMb: number;
}

/** Linux tells times in hundredths of a second, whatever its own clock is. Source: proc_pid_stat(5), sysconf(_SC_CLK_TCK). */
const TICKS_PER_SECOND = 100;

/** The fields of /proc/PID/stat that are read here. The name, in parentheses, may hold anything. */
export function parseStat(stat: string): { cpuSeconds: number; startTicks: number } {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND, startTicks: Number(fields[19]) };
}

/** MiB after `Pss:` in /proc/PID/smaps_rollup, 0 where a process that ends has none any more. */
export const parsePss = (rollup: string): number => Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? 0) / 1024;

/** Whether this machine tells what processes use. */
export const hasProc = (): boolean => read(`/proc/${process.pid}/task/${process.pid}/children`) !== undefined;

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It ended meanwhile, or there is no /proc.
    return undefined;
  }
}

function childrenOf(pid: number): number[] {
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
  return threads.flatMap((thread) => (read(`/proc/${pid}/task/${thread}/children`) ?? '').split(' ').filter(Boolean).map(Number));
}

/** The processes and all below them, each once. */
export function treeOf(roots: readonly number[]): number[] {
  const found = new Set(roots);
  // A set is walked to its end, also to what was added meanwhile.
  for (const parent of found) for (const child of childrenOf(parent)) found.add(child);
  return [...found];
}

/** @returns undefined where the process is gone. */
export function useOf(pid: number): ProcessUse | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  return { pid, ...parseStat(stat), memoryMb: parsePss(read(`/proc/${pid}/smaps_rollup`) ?? '') };
}

/** @returns when a process started, undefined where it is gone. */
export function startOf(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat === undefined ? undefined : parseStat(stat).startTicks;
}
