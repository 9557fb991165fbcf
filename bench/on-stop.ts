import { constants } from 'node:os';

/** Calls `end` with the exit code when this process is told to stop: by Ctrl-C, by another program, or because its terminal is closed. */
export function onStop(end: (exitCode: number) => void): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end(128 + constants.signals[signal]));
}
