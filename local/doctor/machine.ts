import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
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
    made = mkdirSync(folder, { recursive: true });
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
