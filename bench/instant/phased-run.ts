import { fileURLToPath } from 'node:url';
import { openModel } from '../model/open-model.ts';
import { newOut } from '../new-out.ts';
import { runProgram } from '../processes/program-run.ts';
import type { Phases } from './phases.ts';

/** The phases of one run of the file, with V8's profile where a folder is given for that. */
export async function phasedRun(path: string, folder: string, profileFolder?: string): Promise<Phases> {
  await using model = await openModel();
  const out = newOut(folder);
  const profiling = profileFolder === undefined ? [] : ['--cpu-prof', '--cpu-prof-interval', '1000', '--cpu-prof-dir', profileFolder];
  // What local/launch.mjs gives every program of this project.
  const nodeOptions = [...process.execArgv, ...profiling];
  const args = [...nodeOptions, fileURLToPath(new URL('profiled-run.ts', import.meta.url)), path, out, model.baseUrl];
  const { stdout } = await runProgram({ name: 'the profiled run', command: process.execPath, args });
  return JSON.parse(stdout) as Phases;
}
