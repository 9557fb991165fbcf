import { ConfigError, PipelineError } from '../../functions/shared/errors.ts';
import { printable, printableName } from '../figures.ts';
import { causeOf, isSystemError } from '../system-error.ts';
import { HALT_PAUSE_MS } from './watched-run.ts';

/** After which a run on which another process works is looked at again. */
const BUSY_PAUSE_MS = 60_000;

/** What an error means for the upload whose turn it was. */
export type Trouble =
  /** Who dropped it has taken it away again. */
  | { kind: 'gone' }
  /** Another process works on its run. */
  | { kind: 'busy'; words: string; pauseMs: number }
  /** Nothing is wrong with the upload itself: the same one may go well later. */
  | { kind: 'later'; words: string; pauseMs: number }
  /** The upload, or the settings of its dataset, have to change first. */
  | { kind: 'refused'; words: string; isDefect: boolean };

/** @param isOnce nobody is there to try again. */
export function troubleOf(error: unknown, isOnce: boolean): Trouble {
  const words = error instanceof Error ? error.message || error.name : String(error);
  if (error instanceof ConfigError && ['run_in_progress', 'claimed_by_another'].includes(error.code ?? '')) {
    return { kind: 'busy', words, pauseMs: BUSY_PAUSE_MS };
  }
  if (!isSystemError(error)) return { kind: 'refused', words, isDefect: !(error instanceof PipelineError) };
  if (error.code === 'ENOENT') return { kind: 'gone' };
  const remedy = `${words}. ${causeOf(error.code)}`;
  if (error.code === 'ENAMETOOLONG') return { kind: 'refused', words: remedy, isDefect: false };
  const next = isOnce ? 'Then run the same command again.' : `It is tried again in a quarter of an hour.`;
  return { kind: 'later', words: `${remedy} ${next}`, pauseMs: HALT_PAUSE_MS };
}

interface RunEnd {
  status: string;
  reason: string | null;
  /** The command that goes on with it. */
  redrive: string;
  /** The watch itself tries it again. */
  isTriedAgain: boolean;
}

/** What to do about a run that did not end complete, to stand behind what it is; empty where nothing is to be said. */
export function remedyOf({ status, reason, redrive, isTriedAgain }: RunEnd): string {
  if (status === 'complete' || status === 'rejected' || reason === 'interrupted') return '';
  if (reason?.startsWith('budget_exceeded')) return `; to go on: ${redrive} --max-cost-usd N`;
  if (isTriedAgain) return `; it is tried again in a quarter of an hour, or when that is mended by ${redrive}`;
  if (status === 'halted') return `; when that is mended: ${redrive}`;
  return `; to ask again for what failed: ${redrive}`;
}

export const lineOf = (key: string, words: string) => `${printableName(key)}: ${printable(words)}`;
