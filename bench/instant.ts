import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { median } from './contenders.ts';
import { cellOf, medianTold, mostTold, verdictOnGoal } from './figures.ts';
import { type CpuProfile, type SelfTime, selfTimes } from './instant/cpu-profile.ts';
import { instantContest, ourRun } from './instant/instant-contest.ts';
import { phasedRun } from './instant/phased-run.ts';
import { phaseNames } from './instant/phases.ts';
import { writeReviewFile } from './plan/review-files.ts';
import type { ProgramUse } from './processes/program-run.ts';
import { whole } from './programs.ts';
import { markdownTable } from './results.ts';
import { openSession } from './session.ts';

/** A run of many rows against a model that takes no time: all that remains is this project's. */
const GOAL_RATIO = 1.5;
/** Up to here the memory counts as the same. */
const MOST_MEMORY_RATIO = 1.1;
const SHOWN_FUNCTIONS = 20;

const { sizes, folder, say, finish } = openSession({
  name: 'instant',
  defaults: { rows: 1_000_000, fewRows: 100_000, mostRows: 10_000_000, repetitions: 3 },
  packages: ['csv-parse', 'hyparquet-writer', 'openai'],
});
const { rows, fewRows, mostRows, repetitions } = sizes;

async function fileOf(length: number): Promise<string> {
  const path = join(folder, 'reviews.csv');
  await writeReviewFile('csv', path, length, path);
  return path;
}

async function functionsOf(path: string): Promise<SelfTime[]> {
  const profiles = join(folder, 'profiles');
  await phasedRun(path, folder, profiles);
  const [file = ''] = readdirSync(profiles);
  return selfTimes(JSON.parse(readFileSync(join(profiles, file), 'utf8')) as CpuProfile, SHOWN_FUNCTIONS);
}

const memoryOf = (uses: readonly ProgramUse[]) => mostTold(uses.map(({ memoryMb }) => memoryMb));
const lineOf = (program: string, length: number, uses: readonly ProgramUse[], leastSeconds: number | null) => {
  const seconds = median(uses.map((use) => use.seconds));
  return {
    program,
    rows: whole(length),
    'wall time, s': seconds.toFixed(1),
    'rows/s': whole(length / seconds),
    'CPU, s': cellOf(medianTold(uses.map(({ cpuSeconds }) => cpuSeconds)), (value) => value.toFixed(1)),
    'times the least': leastSeconds === null ? '' : (seconds / leastSeconds).toFixed(2),
    'most memory, MiB': cellOf(memoryOf(uses), whole),
  };
};

function memoryVerdict(fewMb: number | null, manyMb: number | null): string {
  if (fewMb === null || manyMb === null) return 'This machine does not tell what memory processes have.';
  const ratio = manyMb / fewMb;
  return `At ${whole(mostRows)} rows it takes ${ratio.toFixed(2)} times the memory of ${whole(fewRows)}: the goal is ${verdictOnGoal(ratio, 1, MOST_MEMORY_RATIO)}.`;
}

say(`${whole(rows)} rows, hundredfold and the least program in turn ...`);
const path = await fileOf(rows);
const contest = await instantContest(path, rows, repetitions, folder);
say('Phases ...');
const phases = await phasedRun(path, folder);
say('Functions ...');
const functions = await functionsOf(path);
say(`${whole(fewRows)} rows ...`);
const few = [await ourRun(await fileOf(fewRows), fewRows, folder)];
say(`${whole(mostRows)} rows ...`);
const many = [await ourRun(await fileOf(mostRows), mostRows, folder)];

const wholeSeconds = phaseNames.reduce((sum, name) => sum + phases[name], 0);
const section = `\`hundredfold run\` with a model that answers at once, beside the least program that parses, posts and writes
([bench/instant/least-program.ts](../bench/instant/least-program.ts)): ${whole(rows)} rows, each ${repetitions} times in turn, medians; the other sizes once. The goal is ${GOAL_RATIO} times the
least program, and the same memory at ${whole(fewRows)} and ${whole(mostRows)} rows (met up to ${MOST_MEMORY_RATIO} times). Memory is that of all processes but the model's
(PSS); CPU is that of the same processes as last sampled, so that up to the last quarter of a second of each is missing.

${markdownTable([
  lineOf('hundredfold', rows, contest.ours, contest.leastSeconds),
  lineOf('the least program', rows, contest.least, contest.leastSeconds),
  lineOf('hundredfold', fewRows, few, null),
  lineOf('hundredfold', mostRows, many, null),
])}

It takes ${contest.ratio.toFixed(2)} times the least program: the goal is ${verdictOnGoal(contest.ratio, GOAL_RATIO)}. ${memoryVerdict(memoryOf(few), memoryOf(many))}

Where the time goes, by the states of the workflow (${whole(rows)} rows, one run; "begin" is loading the program and copying the file,
"finish" is finish-run: the ledger, publishing and the report):

${markdownTable(phaseNames.map((name) => ({ phase: name, s: phases[name].toFixed(1), '%': ((100 * phases[name]) / wholeSeconds).toFixed(0) })))}

Functions by the time in themselves, of the main thread, while it does not wait (another run, under \`--cpu-prof\`):

${markdownTable(functions.map(({ function: name, seconds, percent }) => ({ function: `\`${name}\``, s: seconds.toFixed(1), '%': percent.toFixed(1) })))}`;
finish({ contest, phases, functions, few, many }, section);
