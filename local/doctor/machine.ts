import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { byteSize } from '../figures.ts';
import { type Finding, missing, note, ok } from './finding.ts';

const LEAST_NODE = 24;
/** Free bytes below which a run of a large file may fill the disk: rows are staged once and written to tables once. */
const LEAST_FREE_BYTES = 2_000_000_000;

export function lookAtNode(version = process.versions.node): Finding {
  return Number(version.split('.')[0]) >= LEAST_NODE
    ? ok('Node', `version ${version}`)
    : missing('Node', `version ${version}, ${LEAST_NODE} is needed`, 'start it through npm (npm run doctor), which brings its own');
}

/** Whether data can be written into a folder, and how much; nothing of it is left. */
export function lookAtFolder(out: string): Finding[] {
  const folder = resolve(out);
  const probe = join(folder, `.doctor-${randomUUID()}`);
  // The first folder that was not there yet goes again.
  let made: string | undefined;
  try {
    made = makeFolder(folder);
    writeFileSync(probe, 'x');
    const { bavail, bsize } = statfsSync(folder);
    const free = bavail * bsize;
    const disk =
      free < LEAST_FREE_BYTES ? note('disk', `only ${byteSize(free)} are free for ${folder}`) : ok('disk', `${byteSize(free)} are free`);
    return [ok('data folder', `${folder} can be written`), disk];
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return [
      missing('data folder', `${folder} cannot be written (${code ?? message})`, 'name another with --out DIR, or change its permissions'),
    ];
  } finally {
    try {
      rmSync(probe, { force: true });
      if (made) rmSync(made, { recursive: true });
    } catch {
      // What could not be made is not there.
    }
  }
}

/**
 * The first folder that had to be made. Node's own recursive mkdir does not end where a folder that is there takes none in (`/proc`): it
 * reads the error as one of a folder above that is not there.
 */
function makeFolder(folder: string): string | undefined {
  const above = dirname(folder);
  const made = existsSync(above) ? undefined : makeFolder(above);
  try {
    mkdirSync(folder);
  } catch (error) {
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw error;
    return undefined;
  }
  return made ?? folder;
}
