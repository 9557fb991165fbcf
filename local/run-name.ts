import { ConfigError } from '../functions/shared/errors.ts';
import { count } from './figures.ts';
import type { RunPlace } from './run-place.ts';
import { namedRuns } from './run-states.ts';

/** Runs that a message lists. */
const SHOWN_RUNS = 20;

/** The run that RUN names: its id, or how it begins. @throws ConfigError: there is none, or several begin so. */
export async function oneNamed(name: string, place: RunPlace): Promise<string> {
  const ids = await namedRuns(name, place.home, place.words);
  if (ids.length === 1) return ids[0] as string;
  throw new ConfigError(`Several runs begin with ${name}; name one of them:\n${shortened(ids).join('\n')}`, { code: 'ambiguous_run' });
}

export const shortened = (lines: readonly string[]) =>
  lines.length > SHOWN_RUNS ? [...lines.slice(0, SHOWN_RUNS), `  and ${count(lines.length - SHOWN_RUNS)} more`] : lines;
