import { RUN_ENDED } from '../hundredfold.ts';
import type { ModelStats } from '../model/answer-account.ts';
import type { BenchModel } from '../model/open-model.ts';
import { type ProgramUse, runProgram } from '../processes/program-run.ts';
import type { Contestant, Job } from './contestants.ts';
import { type RowAccount, rowAccount } from './result-rows.ts';

export interface OneRun {
  use: ProgramUse;
  rows: RowAccount;
  model: ModelStats;
}

/** One run of a contestant to its end; what it wrote is looked at. */
export async function oneRun(contestant: Contestant, job: Job, model: BenchModel): Promise<OneRun> {
  const { use } = await runProgram(contestant.program(job), contestant.isSpark ? [0] : RUN_ENDED);
  const rows = await rowAccount(contestant, job.out);
  return { use, rows, model: await model.stats() };
}
