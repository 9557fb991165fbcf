import { type ChildProcess, spawn } from 'node:child_process';
import type { LocalEvent } from './file-event-sink.ts';

export interface EventCommandOptions {
  /** For the shell, as the user wrote it. */
  command: string;
  /** After which it is stopped. */
  timeoutSeconds: number;
  warn(line: string): void;
}

/** Runs a command of the user's for each event, one after the other and beside the run, which neither waits for it nor fails with it. */
export class EventCommand {
  readonly #options: EventCommandOptions;
  #told: Promise<void> = Promise.resolve();
  #running: ChildProcess | undefined;
  #isStopped = false;

  constructor(options: EventCommandOptions) {
    this.#options = options;
  }

  /** Runs the command with the event on its stdin, once it has ended for those before. */
  tell(event: LocalEvent): void {
    this.#told = this.#told.then(() => this.#run(event));
  }

  /** From now on Ctrl-C stops the command, not the program: there is nothing else left to wait for. */
  stopOnSignals(): void {
    process.on('SIGINT', this.#stop).on('SIGTERM', this.#stop);
  }

  /** Settles when the command has ended for every event, or was stopped. */
  async ended(): Promise<void> {
    await this.#told;
    process.off('SIGINT', this.#stop).off('SIGTERM', this.#stop);
  }

  /** Where the command runs it is killed, and it is not run again. */
  readonly #stop = () => {
    this.#isStopped = true;
    if (this.#running) kill(this.#running);
  };

  async #run(event: LocalEvent): Promise<void> {
    const { command, timeoutSeconds, warn } = this.#options;
    const complain = (what: string) => warn(`Warning: the --on-event command ${what} ("${event.type}").`);
    if (this.#isStopped) return complain('was not run');
    const child = spawn(command, {
      shell: true,
      // A process group of its own: Ctrl-C is for the run, and the command hears of the halt; stopping it reaches what it has started.
      detached: process.platform !== 'win32',
      stdio: ['pipe', process.stderr.fd, process.stderr.fd],
      env: {
        ...process.env,
        HUNDREDFOLD_EVENT_TYPE: event.type,
        HUNDREDFOLD_EVENT_ID: event.eventId,
        HUNDREDFOLD_RUN_ID: event.runId,
      },
    });
    this.#running = child;
    const onExit = () => kill(child);
    process.once('exit', onExit);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      kill(child);
    }, timeoutSeconds * 1000);
    try {
      // A command that reads nothing closes the pipe: its own business.
      child.stdin?.on('error', () => {}).end(`${JSON.stringify(event)}\n`);
      const { code, signal } = await endOf(child);
      if (isLate) complain(`was stopped after ${timeoutSeconds} s`);
      else if (this.#isStopped) complain('was stopped');
      else if (signal !== null) complain(`was ended by ${signal}`);
      else if (code !== 0) complain(`ended with exit code ${code}`);
    } catch (error) {
      complain(`could not be started: ${(error as Error).message}`);
    } finally {
      clearTimeout(timer);
      process.off('exit', onExit);
      child.stdin?.destroy();
      this.#running = undefined;
    }
  }
}

/** The end of the shell itself: what it has left in the background may go on. */
const endOf = (child: ChildProcess) =>
  new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('error', reject).once('exit', (code, signal) => resolve({ code, signal }));
  });

/** Kills the shell and what it has started. */
function kill(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill('SIGKILL');
    else process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
