import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { shareOfFunction } from '../functions/plan-batches/plan-batches.ts';
import type { StepName } from '../functions/shared/contract.ts';
import { MAX_BATCHES_PER_FUNCTION, MIN_BATCHES_PER_FUNCTION, PART_ROWS, SINGLE_BATCH_LIMIT } from '../functions/shared/limits.ts';
import { attemptPrefix, LEVELS_PART, partName } from '../functions/shared/object-keys.ts';
import { defaultMemoryMb } from '../infra/default-memory.ts';
import { workflowDefinition } from '../infra/workflow.ts';
import { type Result, runInTurn } from './contenders.ts';
import { pricesSchema } from './costs/cost-page.ts';
import type { Counts } from './costs/counted-run.ts';
import { digits, medianOf, nodeOptions, prepare, program, reviewFile, whole } from './programs.ts';
import { markdownTable } from './results.ts';
import { benchRun } from './run-of-reviews.ts';
import { isWithin, verdictOf } from './scale/checks.ts';
import { countsAt, ofLongerTexts, type Share, sharesOf } from './scale/counts-at.ts';
import { predictionsOf, stepSecondsAt, type Units } from './scale/predictions.ts';
import { checksOf } from './scale/steps.ts';
import { openSession } from './session.ts';

/**
 * A hundred million rows against the limits of AWS. What depends on the number of rows alone (manifest, children, levels, receipts) is made in its
 * full size and given to the very steps; what is done part by part is measured on a few and multiplied.
 */

const {
  sizes: { rows, stagedRows, repetitions, costRows },
  folder,
  say,
  finish,
} = openSession({
  name: 'scale',
  defaults: { rows: 100_000_000, stagedRows: 200_000, repetitions: 3, costRows: 10_000 },
  packages: ['jsonata', 'hyparquet-writer'],
});
const SIZES = [costRows, 1_000_000, 100_000_000];
const GOAL_PERCENT = 5;

const small = join(folder, 'small');
const large = join(folder, 'large');
const results = join(folder, 'results');
const parts = Math.ceil(rows / PART_ROWS);

/** A program of this folder in a process of its own. */
function measured<Figures>(path: string, args: readonly string[], times = 1, after?: () => void): Result<Figures> {
  const contender = { name: path, args: [...nodeOptions, program(path), ...args], ...(after && { after }) };
  return runInTurn<Figures>([contender], times)[0] as Result<Figures>;
}
const secondsOf = (result: Result<{ seconds: number }>) => medianOf(result, ({ seconds }) => seconds);
const timed = (result: Result<{ seconds: number }>) => ({ seconds: secondsOf(result), residentMb: result.residentMb });

say(`Staging ${whole(stagedRows)} rows ...`);
const path = reviewFile(folder, stagedRows);
const staged = measured<{ stagedAt: number }>('grouping/planning.ts', [path, small, '{}'], repetitions, () =>
  rmSync(small, { recursive: true, force: true }),
);
prepare('write/prepare.ts', path, small);
const outcomes = measured<{ seconds: number; sumSeconds: number; outcomes: number }>('scale/outcomes.ts', [small], repetitions);

say(`Joining the manifests of ${whole(parts)} parts ...`);
prepare('scale/simulated-run.ts', 'manifests', large, String(parts), small);
const joined = measured<{ seconds: number; batches: number; folds: number[]; bytes: number }>('scale/join.ts', [large]);
const { batches, folds, bytes } = joined.printed as (typeof joined.figures)[number];

say(`Starting the children of ${whole(batches)} batches ...`);
const share = shareOfFunction(batches);
const engine = measured<{ seconds: number; children: number; longestInputBytes: number }>('engine/empty-run.ts', [
  'engine',
  large,
  String(share),
]);
// However few batches the run has, a child of a large one has so many.
const fullChild = measured<{ longestInputBytes: number }>('engine/empty-run.ts', ['engine', small, String(MAX_BATCHES_PER_FUNCTION)]);

say('Writing a part and the levels ...');
prepare('scale/simulated-run.ts', 'outcomes', large, String(parts));
const part = measured<{ seconds: number }>('scale/write-part.ts', [large, partName(0)], repetitions);
const levels = measured<{ seconds: number }>('scale/write-part.ts', [large, LEVELS_PART], repetitions);

say(`Finishing a run of ${whole(parts)} parts ...`);
prepare('scale/simulated-run.ts', 'receipts', large, String(parts));
const finished = measured<{ seconds: number }>('ledger/finish.ts', ['finish', large, results, '{}'], repetitions, () => {
  for (const gone of [results, join(large, attemptPrefix(benchRun().runId))]) rmSync(gone, { recursive: true, force: true });
});
const grouping = JSON.stringify({ groupColumn: 'product' });
prepare('scale/simulated-run.ts', 'sets', large, String(parts), '', grouping);
const groupedLedger = measured<{ seconds: number }>('ledger/finish.ts', ['ledger', large, results, grouping], repetitions);

say('Counting requests ...');
const file = (name: string) => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')) as unknown;
const counted = file('results/costs.json') as Counts;
const prices = pricesSchema.parse(file('prices.json'));
const countedSmall = measured<Counts>('scale/counts.ts', [String(costRows)]).printed as Counts;

const stagedParts = Math.max(1, stagedRows / PART_ROWS);
const steps: readonly StepName[] = ['plan-batches', 'summarize-batch', 'write-tables', 'finish-run'];
const units: Units = {
  run: { rows, parts, batches, folds: folds.reduce((sum, some) => sum + some, 0), levels: folds.length + 1 },
  stage: { parts: stagedParts, secondsPerPart: medianOf(staged, ({ stagedAt }) => stagedAt) / stagedParts, residentMb: staged.residentMb },
  join: { seconds: secondsOf(joined), residentMb: joined.residentMb, manifestBytes: bytes },
  children: {
    count: engine.figures[0]?.children ?? 0,
    inputBytes: fullChild.figures[0]?.longestInputBytes ?? 0,
    engineSeconds: secondsOf(engine),
    engineMb: engine.residentMb,
  },
  part: timed(part),
  levels: timed(levels),
  outcome: { seconds: secondsOf(outcomes) / (outcomes.figures[0]?.outcomes ?? 1) },
  groupSum: { seconds: medianOf(outcomes, ({ sumSeconds }) => sumSeconds) / (outcomes.figures[0]?.outcomes ?? 1) },
  finish: timed(finished),
  groupedLedger: timed(groupedLedger),
  controlWritesPerCall: counted.controlWrites / counted.calls,
  secondsPerCall: prices.assumptions.secondsPerCall,
  memoryMb: defaultMemoryMb,
  runTimeoutSeconds: workflowDefinition({
    functions: Object.fromEntries(steps.map((step) => [step, step])) as Record<StepName, string>,
    workBucket: 'work',
  }).TimeoutSeconds,
};
const checks = checksOf(units);
const bills = SIZES.map((size) => {
  const counts = size === costRows ? countedSmall : countsAt(size, counted, size === rows ? predictionsOf(units).planCalls : 1);
  const seconds = stepSecondsAt(size, units);
  return { size, counts, seconds, ...sharesOf(counts, prices, seconds), ofLonger: sharesOf(ofLongerTexts(counts), prices, seconds).all };
});

const percent = (share: Share | undefined) => `${(share?.percent ?? 0).toFixed(1)} %`;
const services = bills[0]?.services.map(({ service }) => service) ?? [];
const billTable = markdownTable([
  ...services.map((service) => ({
    service,
    ...Object.fromEntries(
      bills.map((bill) => [`${whole(bill.size)} rows`, percent(bill.services.find((line) => line.service === service))]),
    ),
  })),
  { service: 'All of AWS', ...Object.fromEntries(bills.map((bill) => [`${whole(bill.size)} rows`, percent(bill.all)])) },
  {
    service: 'All, of rows of 75 tokens',
    ...Object.fromEntries(bills.map((bill) => [`${whole(bill.size)} rows`, percent(bill.ofLonger)])),
  },
  { service: 'that is', ...Object.fromEntries(bills.map((bill) => [`${whole(bill.size)} rows`, `$${bill.all.usd.toFixed(4)}`])) },
  { service: 'the model', ...Object.fromEntries(bills.map((bill) => [`${whole(bill.size)} rows`, `$${bill.modelUsd.toFixed(4)}`])) },
]);
const countTable = markdownTable(
  bills.map(({ size, counts }) => ({
    rows: whole(size),
    calls: whole(counts.calls),
    'S3 PUT, COPY, LIST': whole(counts.s3Writes),
    'S3 GET, HEAD': whole(counts.s3Reads),
    'DynamoDB writes': whole(counts.controlWrites),
    'DynamoDB reads': whole(counts.controlReads),
    transitions: whole(counts.transitions),
    'Lambda requests': whole(Object.values(counts.invocations).reduce((sum, some) => sum + some, 0)),
  })),
);
const goals = bills.map(({ size, all, services: lines }) => {
  const largest = lines.toSorted((one, other) => other.percent - one.percent).slice(0, 2);
  const words = largest.map((line) => `${line.service} ${percent(line)}`).join(', ');
  return `- ${whole(size)} rows: ${all.percent < GOAL_PERCENT ? 'met' : `missed by ${(all.percent - GOAL_PERCENT).toFixed(2)} points`}, ${all.percent.toFixed(2)} %; the largest are ${words}.`;
});

const missed = checks.filter((check) => !isWithin(check));
const section = `${whole(rows)} rows, ${whole(batches)} batches, ${whole(units.run.folds)} folds, on default memory. Manifest, children, levels, excerpts and receipts were made in full and given to the steps that are deployed;
staging and writing were measured on ${whole(stagedRows)} rows and on a part. ${missed.length === 0 ? 'Everything is within its limit.' : `Beyond their limits: ${missed.map(({ step }) => step).join('; ')}.`}

${markdownTable(
  checks.map((check) => ({
    step: check.step,
    measured: check.measured,
    units: check.units,
    predicted: `${digits(check.predicted)} ${check.unit}`,
    limit: `${digits(check.limit)} ${check.unit} (${check.bound})`,
    verdict: verdictOf(check),
  })),
)}

Predicted seconds are those measured here, divided by the share of a core that a function's memory gives it (1,769 MB are one, more is no faster), and 100 ms for each request of S3, of which so many are under way at once as
the step has: S3's guide says 100 to 200 ms, most take less. Memory is that of the local stores: the S3 client's upload buffers come on top (at most four of 8 MiB for each file under way), and that of
the levels is of a run without groups. The local engine reads that manifest and starts ${whole(units.children.count)} empty children in ${digits(units.children.engineSeconds)} s with ${whole(units.children.engineMb)} MiB.

What AWS bills, counted at ${whole(costRows)} rows and, beyond, from the run of ${whole(counted.rows)} rows in [costs.json](../bench/results/costs.json): requests go with the calls, transitions follow from the definition, seconds of Lambda are those predicted above, and ${prices.assumptions.secondsPerCall} s assumed for each function that calls the model.

${countTable}

As shares of what the model costs (${prices.model.name}, texts of some 36 tokens); rows of 75 tokens are reviews of 300 characters, with answers of 150 tokens. The goal is less than ${GOAL_PERCENT} % everywhere:

${billTable}

${goals.join('\n')}

Why: S3 takes ${percent(bills[1]?.services.find(({ service }) => service === 'S3'))} by itself, ${(counted.s3Writes / counted.calls).toFixed(1)} writes and ${(counted.s3Reads / counted.calls).toFixed(1)} reads for each call of the counted run: the answer and the outcome are objects of their own, and both are looked
for before the model is asked. In small runs the transitions that do not grow with the rows (planning, the tables, the root, begin and end) weigh more; below ${whole(SINGLE_BATCH_LIMIT)} batches each function takes
one, and a call four transitions, from there on ${MIN_BATCHES_PER_FUNCTION} to ${MAX_BATCHES_PER_FUNCTION} calls share them.`;
finish({ rows, stagedRows, units, checks, bills }, section);
