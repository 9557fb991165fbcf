import { openModel } from '../model/open-model.ts';
import { newOut } from '../new-out.ts';
import { runProgram } from '../processes/program-run.ts';
import { nodeOptions, program } from '../programs.ts';
import type { Phases } from './phases.ts';

/** The phases of one run of the file, with V8's profile where a folder is given for that. */
export async function phasedRun(path: string, folder: string, profileFolder?: string): Promise<Phases> {
  await using model = await openModel();
  const out = newOut(folder);
  const profiling = profileFolder === undefined ? [] : ['--cpu-prof', '--cpu-prof-interval', '1000', '--cpu-prof-dir', profileFolder];
  const args = [...nodeOptions, ...profiling, program('instant/profiled-run.ts'), path, out, model.baseUrl];
  const { stdout } = await runProgram({ name: 'the profiled run', command: process.execPath, args });
  return JSON.parse(stdout) as Phases;
}
