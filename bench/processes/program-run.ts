import { type ChildProcess, spawn } from 'node:child_process';
import { hasProc, startOf, treeOf, useOf } from './process-tree.ts';

export interface Program {
  name: string;
  command: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
}

/** One run of a program with all processes that it starts. */
export interface ProgramUse {
  /** From its start to its end, loading included. */
  seconds: number;
  /** Processor time of all its processes, as last seen: the last quarter of a second of each can be missing. null where there is no /proc. */
  cpuSeconds: number | null;
  /** Most memory of all its processes together, in MiB, sampled. null where there is no /proc. */
  memoryMb: number | null;
}

export interface ProgramResult {
  use: ProgramUse;
  /** null where it was killed. */
  exitCode: number | null;
  stdout: string;
  /** The end of what it said on standard error. */
  stderr: string;
}

const SAMPLE_MS = 250;
const KEPT_STDERR_CHARACTERS = 4_000;

/** Runs that have not ended: whatever ends this process ends them, too. */
const alive = new Set<ProgramRun>();
process.on('exit', () => {
  for (const run of alive) run.kill();
});

/** A program while it runs, watched with everything below it. */
export class ProgramRun {
  readonly #child: ChildProcess;
  /** When each process that was seen started: a pid alone may be another one's by now. */
  readonly #seen = new Map<number, number>();
  readonly #cpuSeconds = new Map<number, number>();
  readonly #isWatched = hasProc();
  #memoryMb = 0;
  readonly ended: Promise<ProgramResult>;

  constructor({ name, command, args, env }: Program) {
    const started = performance.now();
    this.#child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    alive.add(this);
    let stdout = '';
    let stderr = '';
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-KEPT_STDERR_CHARACTERS);
    });
    const timer = setInterval(() => this.#sample(), SAMPLE_MS);
    this.ended = new Promise<ProgramResult>((resolve, reject) => {
      let seconds = 0;
      this.#child.once('exit', () => {
        seconds = (performance.now() - started) / 1000;
        // What it left behind holds its output open.
        this.kill();
      });
      this.#child.once('error', (error) => reject(new Error(`${name} did not start: ${error.message}`)));
      this.#child.once('close', (exitCode) => {
        const cpuSeconds = [...this.#cpuSeconds.values()].reduce((sum, value) => sum + value, 0);
        const watched = this.#isWatched ? { cpuSeconds, memoryMb: this.#memoryMb } : { cpuSeconds: null, memoryMb: null };
        resolve({ use: { seconds, ...watched }, exitCode, stdout, stderr });
      });
    }).finally(() => {
      clearInterval(timer);
      alive.delete(this);
    });
  }

  /** Kills it and everything below it at once, as a machine does that is switched off. */
  kill(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    this.#look();
    if (this.#seen.size === 0) this.#child.kill('SIGKILL');
    for (const [member, startTicks] of this.#seen) if (startOf(member) === startTicks) killed(member);
  }

  #look(): number[] {
    // A process whose parent is gone stands no longer below it, so that all that were seen are looked at.
    const { pid = 0, exitCode, signalCode } = this.#child;
    const roots = [...this.#seen].filter(([member, startTicks]) => startOf(member) === startTicks).map(([member]) => member);
    if (exitCode === null && signalCode === null && !roots.includes(pid)) roots.unshift(pid);
    const members = treeOf(roots);
    for (const member of members) {
      const startTicks = startOf(member);
      if (startTicks !== undefined) this.#seen.set(member, startTicks);
    }
    return members;
  }

  #sample(): void {
    if (!this.#isWatched) return;
    let memoryMb = 0;
    for (const use of this.#look().map(useOf)) {
      if (!use) continue;
      memoryMb += use.memoryMb;
      this.#cpuSeconds.set(use.pid, use.cpuSeconds);
    }
    this.#memoryMb = Math.max(this.#memoryMb, memoryMb);
  }
}

function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}

/** Runs a program to its end. @throws Error: it ends with another exit code than those that are expected. */
export async function runProgram(program: Program, expected: readonly number[] = [0]): Promise<ProgramResult> {
  const result = await new ProgramRun(program).ended;
  if (result.exitCode === null || !expected.includes(result.exitCode))
    throw new Error(
      `${program.name} ended with ${result.exitCode === null ? 'a signal' : `exit code ${result.exitCode}`}:\n${result.stderr}`,
    );
  return result;
}
