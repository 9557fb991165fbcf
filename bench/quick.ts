import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runInTurn } from './contenders.ts';
import { instantContest } from './instant/instant-contest.ts';
import { phasedRun } from './instant/phased-run.ts';
import { phaseNames } from './instant/phases.ts';
import { limitPoint } from './limit/limit-point.ts';
import { writeReviewFile } from './plan/review-files.ts';
import { type Figure, type QuickResults, withBefore } from './quick/before-after.ts';
import { markdownTable } from './results.ts';
import { openSession } from './session.ts';

/** A few points of the benchmarks, for before and after a change, beside those that were kept the last time. */
const defaults = { instantRows: 100_000, planRows: 200_000, engineBatches: 10_000, limitSeconds: 5, repetitions: 3 };
const { sizes, folder, resultsFolder, say, finish } = openSession({
  ...{ name: 'quick', defaults, isPage: false },
  packages: ['csv-parse', 'hyparquet-writer', 'openai', 'jsonata'],
});
const { instantRows, planRows, engineBatches, limitSeconds, repetitions } = sizes;
const script = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const nodeOptions = process.execArgv;
const figures: Figure[] = [];
const figure = (what: string, value: number | null, unit: string) => void (value !== null && figures.push({ what, value, unit }));
const most = (values: readonly (number | null)[]) => (values.includes(null) ? null : Math.max(...(values as number[])));

say('start ...');
const [start] = runInTurn(
  [{ name: 'start', args: [...nodeOptions, script('../local/cli.ts'), 'status', '--json', '--out', folder] }],
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
    { name: 'plan', args: [...nodeOptions, script('plan/planning.ts'), path, out], after },
    { name: 'csv-parse', args: [script('plan/bare-parser.ts'), path] },
  ],
  repetitions,
);
const planned = `plan: ${planRows.toLocaleString('en')} rows of CSV`;
figure(planned, plan?.seconds ?? null, 's');
figure(`${planned}, CPU`, plan?.cpuSeconds ?? null, 's');
figure(`${planned}, memory`, plan?.residentMb ?? null, 'MiB');
figure(`${planned}, CPU beside csv-parse`, plan && parser ? plan.cpuSeconds / parser.cpuSeconds : null, 'times');

// The engine's programs take a folder with a manifest.
const emptyRun = script('engine/empty-run.ts');
if (existsSync(emptyRun)) {
  say('engine ...');
  execFileSync(process.execPath, [...nodeOptions, script('engine/manifest.ts'), out, String(engineBatches)], { stdio: 'ignore' });
  const [engine] = runInTurn([{ name: 'engine', args: [...nodeOptions, emptyRun, 'engine', out, '1', '100'] }], repetitions);
  figure(`engine: ${engineBatches.toLocaleString('en')} empty batches, its start included`, engine?.seconds ?? null, 's');
  after();
}

say('instant ...');
await writeReviewFile('csv', path, instantRows, path);
const { oursSeconds, ratio, ours } = await instantContest(path, instantRows, repetitions, folder);
const instant = `instant: ${instantRows.toLocaleString('en')} rows`;
figure(instant, oursSeconds, 's');
figure(`${instant}, CPU`, most(ours.map(({ cpuSeconds }) => cpuSeconds)), 's');
figure(`${instant}, memory`, most(ours.map(({ memoryMb }) => memoryMb)), 'MiB');
figure(`${instant}, beside the least program`, ratio, 'times');
const phases = await phasedRun(path, folder);
for (const name of phaseNames) figure(`${instant}, ${name}`, phases[name], 's');

say('limit ...');
const wanted = { concurrency: 16, latencyMs: 500, seconds: limitSeconds, mostCalls: 1_000 };
const point = await limitPoint(wanted, repetitions, folder);
figure('limit: 16 calls of 500 ms in flight, overhead', point.overheadPercent, '%');
figure('limit: the whole run', point.wallSeconds, 's');

const kept = join(resultsFolder, 'quick.json');
const before = existsSync(kept) ? (JSON.parse(readFileSync(kept, 'utf8')) as { date: string; results: QuickResults }) : undefined;
finish({ sizes, figures } satisfies QuickResults, markdownTable(withBefore(figures, before?.results, sizes)));
