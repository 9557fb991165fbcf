import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchModel } from '../model/open-model.ts';
import { ProgramRun } from '../processes/program-run.ts';
import { type OneRun, oneRun } from './cell.ts';
import type { Contestant, Job } from './contestants.ts';

export interface KilledRun extends OneRun {
  /** Answers that the model had given when it was killed. */
  answersBefore: number;
  /** Calls that waited for their answers then. */
  inFlightBefore: number;
}

const LOOK_MS = 20;

/** Kills a contestant with all its processes once the model has given so many answers, and runs the same command again. */
export async function killedRun(contestant: Contestant, job: Job, model: BenchModel, answers: number): Promise<KilledRun> {
  const first = new ProgramRun(contestant.program(job));
  let isOver = false;
  const ended = first.ended.then((result) => {
    isOver = true;
    return result;
  });
  let stats = await model.stats();
  while (stats.answers < answers && !isOver) {
    await sleep(LOOK_MS);
    stats = await model.stats();
  }
  first.kill();
  const { exitCode, stderr } = await ended;
  if (exitCode !== null) throw new Error(`${contestant.name} ended before it could be killed:\n${stderr}`);
  return { answersBefore: stats.answers, inFlightBefore: stats.inFlight, ...(await oneRun(contestant, job, model)) };
}
