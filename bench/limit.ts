import { cellOf, mostTold } from './figures.ts';
import { type LimitPoint, limitPoint } from './limit/limit-point.ts';
import { whole } from './programs.ts';
import { markdownTable } from './results.ts';
import { openSession } from './session.ts';

/** Runs with so many calls in flight to a model that takes so long, beside the time that the calls alone take at least. */
const GOAL = { percent: 5, fromMs: 500 };

const { sizes, folder, say, refuse, finish } = openSession({
  name: 'limit',
  defaults: { concurrency: [1, 16, 100, 400], latencyMs: [100, 500, 2_000], seconds: 20, mostCalls: 4_000, repetitions: 3 },
  packages: ['openai'],
});
const { seconds, mostCalls, repetitions } = sizes;
if (sizes.latencyMs.includes(0)) refuse('--latency-ms takes nothing below 1 here: calls of 0 ms have no least time.');

const verdict = ({ latencyMs, overheadPercent }: LimitPoint) =>
  latencyMs < GOAL.fromMs ? 'none' : overheadPercent <= GOAL.percent ? 'met' : 'missed';

const points: LimitPoint[] = [];
for (const latencyMs of sizes.latencyMs) {
  for (const concurrency of sizes.concurrency) {
    say(`${concurrency} calls of ${latencyMs} ms in flight ...`);
    points.push(await limitPoint({ seconds, latencyMs, concurrency, mostCalls }, repetitions, folder));
  }
}
const table = markdownTable(
  points.map((point) => ({
    'calls in flight, C': point.concurrency,
    'latency, ms, L': point.latencyMs,
    'calls, N': point.calls.toLocaleString('en'),
    'N * L / C, s': point.boundSeconds.toFixed(1),
    'calls, s': point.callsSeconds.toFixed(2),
    'overhead, %': point.overheadPercent.toFixed(1),
    goal: verdict(point),
    'most in flight': point.mostInFlight,
    'whole run, s': point.wallSeconds.toFixed(1),
    'most memory, MiB': cellOf(mostTold(point.runs.map(({ memoryMb }) => memoryMb)), whole),
  })),
);
finish(
  points,
  `\`hundredfold run\`, 100 rows a call, without roll-up, so that there are N calls and no more; each point ${repetitions} times;
medians, and the most in flight and the most memory of any run:

${table}

"calls" is the time from the first request's arrival at the model to its last answer; "whole run" begins with the start of the program and ends
with its end, so that planning before the first call and writing after the last are in it. The overhead is that of the calls; the goal is
${GOAL.percent} % for calls of ${GOAL.fromMs} ms and more. N is held to ${mostCalls.toLocaleString('en')} calls.
Memory is that of all processes but the model's (PSS).`,
);
