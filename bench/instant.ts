import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { median } from './contenders.ts';
import { type CpuProfile, type SelfTime, selfTimes } from './instant/cpu-profile.ts';
import { instantContest, ourRun } from './instant/instant-contest.ts';
import { phasedRun } from './instant/phased-run.ts';
import { phaseNames } from './instant/phases.ts';
import { writeReviewFile } from './plan/review-files.ts';
import type { ProgramUse } from './processes/program-run.ts';
import { markdownTable } from './results.ts';
import { openSession } from './session.ts';

/** A run of many rows against a model that takes no time: all that remains is this project's. */
const GOAL_RATIO = 1.5;
const SHOWN_FUNCTIONS = 20;

const { sizes, folder, say, finish } = openSession({
  name: 'instant',
  defaults: { rows: 1_000_000, fewRows: 100_000, mostRows: 10_000_000, repetitions: 3 },
  packages: ['csv-parse', 'hyparquet-writer', 'openai'],
});
const { rows, fewRows, mostRows, repetitions } = sizes;
const count = (value: number) => value.toLocaleString('en');

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

const most = (values: readonly (number | null)[]) => Math.round(Math.max(...values.map((value) => value ?? Number.NaN)));
const memoryOf = (uses: readonly ProgramUse[]) => most(uses.map(({ memoryMb }) => memoryMb));
const lineOf = (program: string, length: number, uses: readonly ProgramUse[], leastSeconds: number | null) => {
  const seconds = median(uses.map((use) => use.seconds));
  return {
    program,
    rows: count(length),
    'wall time, s': seconds.toFixed(1),
    'rows/s': count(Math.round(length / seconds)),
    'CPU, s': median(uses.map(({ cpuSeconds }) => cpuSeconds ?? Number.NaN)).toFixed(1),
    'times the least': leastSeconds === null ? '' : (seconds / leastSeconds).toFixed(2),
    'most memory, MiB': memoryOf(uses),
  };
};

say(`${count(rows)} rows, hundredfold and the least program in turn ...`);
const path = await fileOf(rows);
const contest = await instantContest(path, rows, repetitions, folder);
say('Phases ...');
const phases = await phasedRun(path, folder);
say('Functions ...');
const functions = await functionsOf(path);
say(`${count(fewRows)} rows ...`);
const few = [await ourRun(await fileOf(fewRows), fewRows, folder)];
say(`${count(mostRows)} rows ...`);
const many = [await ourRun(await fileOf(mostRows), mostRows, folder)];

const wholeSeconds = phaseNames.reduce((sum, name) => sum + phases[name], 0);
const section = `\`hundredfold run\` with a model that answers at once, beside the least program that parses, posts and writes
([bench/instant/least-program.ts](../bench/instant/least-program.ts)): ${count(rows)} rows, each ${repetitions} times in turn, medians; the other sizes once. The goal is ${GOAL_RATIO} times the
least program, and the same memory at ${count(fewRows)} and ${count(mostRows)} rows. Memory is that of all processes but the model's (PSS).

${markdownTable([
  lineOf('hundredfold', rows, contest.ours, contest.leastSeconds),
  lineOf('the least program', rows, contest.least, contest.leastSeconds),
  lineOf('hundredfold', fewRows, few, null),
  lineOf('hundredfold', mostRows, many, null),
])}

It takes ${contest.ratio.toFixed(2)} times the least program, and at ${count(mostRows)} rows ${(memoryOf(many) / memoryOf(few)).toFixed(2)} times the memory of ${count(fewRows)}.

Where the time goes, by the states of the workflow (${count(rows)} rows, one run; "begin" is loading the program and copying the file):

${markdownTable(phaseNames.map((name) => ({ phase: name, s: phases[name].toFixed(1), '%': ((100 * phases[name]) / wholeSeconds).toFixed(0) })))}

Functions by the time in themselves, of the main thread, while it does not wait (another run, under \`--cpu-prof\`):

${markdownTable(functions.map(({ function: name, seconds, percent }) => ({ function: `\`${name}\``, s: seconds.toFixed(1), '%': percent.toFixed(1) })))}`;
finish({ contest, phases, functions, few, many }, section);
