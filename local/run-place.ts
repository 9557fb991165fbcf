import { join } from 'node:path';
import { systemClock } from '../functions/shared/clock.ts';
import type { ObjectStore, ObjectVersions } from '../functions/shared/ports.ts';
import { DEFAULT_NAME } from '../infra/default-name.ts';
import type { AttemptHome } from './attempt-home.ts';
import type { DeployedStack } from './deployed-stack.ts';
import { directoryVersions } from './directory-store/directory-versions.ts';
import { shellQuoted } from './figures.ts';
import { processHome } from './local-attempt.ts';
import { localStores } from './local-stores.ts';
import { outFlag } from './next-step.ts';

export interface PlaceOptions {
  out: string;
  /** Name of a deployed stack, true for the one that is deployed by default; absent for this machine. */
  stack?: string | true;
}

/** Where runs lie: in a folder of this machine, or in a deployed stack. */
export interface RunPlace {
  home: AttemptHome;
  input: ObjectStore;
  results: ObjectStore;
  /** The three buckets, version by version. */
  versions: Record<'input' | 'work' | 'results', ObjectVersions>;
  /** Undefined on this machine. */
  stack: DeployedStack | undefined;
  /** `hundredfold-data`, `stack hundredfold`. */
  words: string;
  /** Flags that lead a command here, with a space before them. */
  flags: string;
}

export const stackName = (option: string | true | undefined) => (typeof option === 'string' ? option : DEFAULT_NAME);

/** @throws ConfigError: there is no such stack. */
export async function openPlace({ out, stack }: PlaceOptions): Promise<RunPlace> {
  if (stack === undefined) {
    const { work, input, results } = localStores(out);
    const versionsOf = (bucket: string) => directoryVersions(join(out, bucket), bucket);
    const versions = { input: versionsOf('input'), work: versionsOf('work'), results: versionsOf('results') };
    const flags = outFlag(out);
    return { home: processHome(work, systemClock), input, results, versions, stack: undefined, words: out, flags };
  }
  // The SDK takes longer to load than a command on this machine takes to run.
  const { openStack } = await import('./deployed-stack.ts');
  const { executionHome } = await import('./execution-home.ts');
  const name = stackName(stack);
  const opened = await openStack(name);
  const flags = ` --stack ${shellQuoted(name)}`;
  const { input, results, versions } = opened;
  return { home: executionHome(opened, systemClock), input, results, versions, stack: opened, words: `stack ${name}`, flags };
}
