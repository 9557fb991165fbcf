import { constants } from 'node:os';

/** Exit codes by the status of a run. Wrong usage is as an upload that cannot be used. */
export const exitCodes = { complete: 0, failed: 1, rejected: 2, partial: 3, halted: 4 } as const;

export const USAGE = exitCodes.rejected;

/** Ctrl-C ended the program, as shells tell it. */
export const INTERRUPTED = 128 + constants.signals.SIGINT;

/** That of a run's record; a run of no known status is a defect. */
export const exitCodeOf = ({ status }: { status?: unknown }): number =>
  (exitCodes as Record<string, number>)[String(status)] ?? exitCodes.failed;
