import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runInTurn } from './contenders.ts';
import { medianTold, mostTold } from './figures.ts';
import { instantContest } from './instant/instant-contest.ts';
import { phasedRun } from './instant/phased-run.ts';
import { phaseNames } from './instant/phases.ts';
import { limitPoint } from './limit/limit-point.ts';
import { writeReviewFile } from './plan/review-files.ts';
import { nodeOptions, prepare, program } from './programs.ts';
import { comparable, dateOfBefore, type Figure, type Kept, type QuickResults, withBefore } from './quick/before-after.ts';
import { machineOf, markdownTable } from './results.ts';
import { openSession } from './session.ts';

/** A few points of the benchmarks, for before and after a change, beside those that were kept the last time. */
const defaults = { instantRows: 100_000, planRows: 200_000, engineBatches: 10_000, limitSeconds: 5, repetitions: 3 };
const { sizes, folder, resultsFolder, say, finish } = openSession({
  ...{ name: 'quick', defaults, isPage: false },
  packages: ['csv-parse', 'hyparquet-writer', 'openai', 'jsonata'],
});
const { instantRows, planRows, engineBatches, limitSeconds, repetitions } = sizes;
const figures: Figure[] = [];
const figure = (what: string, value: number | null, unit: string) => void (value !== null && figures.push({ what, value, unit }));

say('start ...');
const [start] = runInTurn(
  [{ name: 'start', args: [...nodeOptions, program('../local/cli.ts'), 'status', '--json', '--out', folder], isQuiet: true }],
  repetitions,
);
figure('start: hundredfold status of no run', start?.seconds ?? null, 's');
figure('start, CPU', start?.cpuSeconds ?? null, 's');

say('plan ...');
const path = join(folder, 'reviews.csv');
await writeReviewFile('csv', path, planRows, path);
const out = join(folder, 'planned');
const after = () => rmSync(out, { recursive: true, force: true });
const [plan, parser] = runInTurn(
  [
    { name: 'plan', args: [...nodeOptions, program('plan/planning.ts'), path, out], after },
    { name: 'csv-parse', args: [program('plan/bare-parser.ts'), path] },
  ],
  repetitions,
);
const planned = `plan: ${planRows.toLocaleString('en')} rows of CSV`;
figure(planned, plan?.seconds ?? null, 's');
figure(`${planned}, CPU`, plan?.cpuSeconds ?? null, 's');
figure(`${planned}, memory (RSS)`, plan?.residentMb ?? null, 'MiB');
figure(`${planned}, CPU beside csv-parse`, plan && parser ? plan.cpuSeconds / parser.cpuSeconds : null, 'times');

say('engine ...');
prepare('engine/manifest.ts', out, String(engineBatches));
const [engine] = runInTurn(
  [{ name: 'engine', args: [...nodeOptions, program('engine/empty-run.ts'), 'engine', out, '1', '100'] }],
  repetitions,
);
figure(`engine: ${engineBatches.toLocaleString('en')} empty batches, its start included`, engine?.seconds ?? null, 's');
after();

say('instant ...');
await writeReviewFile('csv', path, instantRows, path);
const { oursSeconds, ratio, ours } = await instantContest(path, instantRows, repetitions, folder);
const instant = `instant: ${instantRows.toLocaleString('en')} rows`;
figure(instant, oursSeconds, 's');
figure(`${instant}, CPU`, medianTold(ours.map(({ cpuSeconds }) => cpuSeconds)), 's');
figure(`${instant}, memory (PSS)`, mostTold(ours.map(({ memoryMb }) => memoryMb)), 'MiB');
figure(`${instant}, beside the least program`, ratio, 'times');
const phases = await phasedRun(path, folder);
for (const name of phaseNames) figure(`${instant}, ${name}`, phases[name], 's');

say('limit ...');
const wanted = { concurrency: 16, latencyMs: 500, seconds: limitSeconds, mostCalls: 1_000 };
const point = await limitPoint(wanted, repetitions, folder);
figure('limit: 16 calls of 500 ms in flight, overhead', point.overheadPercent, '%');
figure('limit: the whole run', point.wallSeconds, 's');

const kept = join(resultsFolder, 'quick.json');
const last = existsSync(kept) ? (JSON.parse(readFileSync(kept, 'utf8')) as Kept) : undefined;
const before = comparable(last, machineOf(), sizes);
finish({ sizes, figures } satisfies QuickResults, `${markdownTable(withBefore(figures, before))}\n\n${dateOfBefore(before)}`);
