import { join } from 'node:path';
import { MODEL_TIMEOUT_MS } from '../functions/shared/limits.ts';
import { faultKinds } from './model/fault-plan.ts';
import { openModel } from './model/open-model.ts';
import { newOut } from './new-out.ts';
import { writeReviewFile } from './plan/review-files.ts';
import { markdownTable } from './results.ts';
import { openSession } from './session.ts';
import { type OneRun, oneRun } from './spark/cell.ts';
import { BATCH_ROWS, faultContestants, speedContestants } from './spark/contestants.ts';
import { sparkEnvironment } from './spark/environment.ts';
import { type KilledRun, killedRun } from './spark/killed-run.ts';

/** What becomes of rows and money: the Spark pattern and `hundredfold run` with a model that fails, and killed in the middle. */
const { sizes, folder, say, finish } = openSession({
  name: 'spark-faults',
  defaults: { rows: 20_000, faultPeriod: 20, faultLatencyMs: 100, killLatencyMs: 500, seed: 1 },
  packages: [],
});
const { rows, faultPeriod, seed } = sizes;
const percent = 100 / faultPeriod;
const calls = Math.ceil(rows / BATCH_ROWS);

const count = (value: number) => value.toLocaleString('en');

const faultsTable = (runs: readonly (OneRun & { name: string })[]) =>
  markdownTable(
    runs.map(({ name, use, rows: account, model }) => ({
      program: name,
      'rows lost': count(rows - account.kept),
      'rows with an error or nothing': count(account.failed),
      'rows doubled': count(account.doubled),
      requests: count(model.requests),
      faults: count(Object.values(model.faults).reduce((sum, met) => sum + met, 0)),
      'answers paid': count(model.answers),
      'paid twice': count(model.paidTwice),
      'wall time, s': use.seconds.toFixed(1),
    })),
  );

const killsTable = (runs: readonly (KilledRun & { name: string })[]) =>
  markdownTable(
    runs.map(({ name, use, rows: account, model, answersBefore, inFlightBefore }) => ({
      program: name,
      'answers before the kill': count(answersBefore),
      'calls in flight then': count(inFlightBefore),
      'answers paid in all': count(model.answers),
      'paid twice': count(model.paidTwice),
      'rows lost or failed': count(rows - account.kept + account.failed),
      'second run, s': use.seconds.toFixed(1),
    })),
  );

const environment = sparkEnvironment(say);
if ('missing' in environment) say(`The benchmark spark-faults is left out: ${environment.missing}.`);
else {
  await using model = await openModel();
  const path = join(folder, 'reviews.csv');
  await writeReviewFile('csv', path, rows, path);
  const newJob = () => ({ path, out: newOut(folder), baseUrl: model.baseUrl });
  const faults: (OneRun & { name: string })[] = [];
  for (const contestant of faultContestants(environment.python)) {
    say(`${percent} % faults: ${contestant.name} ...`);
    await model.begin({ latencyMs: sizes.faultLatencyMs, faults: { period: faultPeriod, seed } });
    faults.push({ name: contestant.name, ...(await oneRun(contestant, newJob(), model)) });
  }
  const kills: (KilledRun & { name: string })[] = [];
  for (const contestant of speedContestants(environment.python)) {
    say(`Killed in the middle: ${contestant.name} ...`);
    await model.begin({ latencyMs: sizes.killLatencyMs });
    kills.push({ name: contestant.name, ...(await killedRun(contestant, newJob(), model, Math.floor(calls / 2))) });
  }
  const section = `${count(rows)} rows in ${count(calls)} calls of ${sizes.faultLatencyMs} ms. One in ${faultPeriod} requests fails, in turn: ${faultKinds.join(', ')} (a connection that ends before the
answer, or in its middle; no answer within ${MODEL_TIMEOUT_MS / 1000} s, after which every program gives a call up). One run each:

${faultsTable(faults)}

"paid twice": answers to requests that had been answered before, byte for byte; an answer that is cut off is paid and can only be asked again.
\`hundredfold run\` also makes the calls that fold the summaries to one.

Killed (SIGKILL to every process) when half of the answers were given, calls of ${sizes.killLatencyMs} ms, and started again with the same command:

${killsTable(kills)}`;
  finish({ faults, kills }, section, environment.versions);
}
