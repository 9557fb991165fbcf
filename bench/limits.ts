import type { RateLimits } from '../local/model-server/rate-limits.ts';
import { openControlTable } from '../test/contracts/control-table.ts';
import { type FleetOptions, runFleet } from '../test/functions/shared/rate-fleet.ts';
import { backOffLimiter } from './limits/back-off.ts';
import { jainIndex, smallestOfLargest } from './limits/fairness.ts';
import { runInRealTime, TOKENS } from './limits/in-real-time.ts';
import { slidingWindow } from './limits/sliding-window.ts';
import { whole } from './programs.ts';
import { markdownTable } from './results.ts';
import { openSession } from './session.ts';

/** What 1, 2 and 8 runs at once get out of an endpoint's limits: in virtual time by the workers of the tests, and for a while over DynamoDB's protocol. */

const {
  sizes: { minutes, workers, realSeconds },
  say,
  refuse,
  finish,
} = openSession({
  name: 'limits',
  defaults: { minutes: 20, workers: 96, realSeconds: 45 },
  packages: ['dynalite', '@aws-sdk/client-dynamodb'],
});
const MOST_RUNS = 8;
const runCounts = [1, 2, MOST_RUNS];
if (workers % MOST_RUNS !== 0) refuse(`--workers takes a multiple of ${MOST_RUNS}, the most runs that share them, not "${workers}".`);

interface Kind {
  kind: string;
  options: Pick<FleetOptions, 'provider' | 'bucketsOf' | 'limiterOf'>;
  /** Minutes' worth of calls that the endpoint admits in so many minutes. */
  allowedMinutes: number;
}

const byRequests: RateLimits = { requestsPerMinute: 600, tokensPerMinute: 100_000_000 };
const byTokens: RateLimits = { requestsPerMinute: 6_000, tokensPerMinute: 600_000 };
// A bucket starts full; a window admits its first minute's worth at once, and the next one when that is over.
const kinds: Kind[] = [
  { kind: 'bucket of requests', options: { provider: byRequests }, allowedMinutes: minutes + 1 },
  { kind: 'bucket of tokens', options: { provider: byTokens }, allowedMinutes: minutes + 1 },
  { kind: 'sliding window of requests', options: { provider: byRequests, bucketsOf: slidingWindow }, allowedMinutes: minutes },
  {
    kind: 'bucket of requests, back-off alone',
    options: { provider: byRequests, limiterOf: backOffLimiter },
    allowedMinutes: minutes + 1,
  },
];

const callsPerMinute = ({ requestsPerMinute, tokensPerMinute }: RateLimits) => Math.min(requestsPerMinute, tokensPerMinute / TOKENS);

interface Figures {
  admitted: readonly number[];
  sent: number;
  refused: number;
}

const rowOf = (kind: string, { admitted, sent, refused }: Figures, allowance: number, tableRequests: number) => ({
  endpoint: kind,
  runs: admitted.length,
  'allowance used, %': ((100 * admitted.reduce((sum, calls) => sum + calls, 0)) / allowance).toFixed(1),
  'refused, %': ((100 * refused) / sent).toFixed(2),
  "Jain's index": jainIndex(admitted).toFixed(4),
  'least / most': smallestOfLargest(admitted).toFixed(2),
  'table requests a call': (tableRequests / sent).toFixed(2),
});

const simulated = [];
for (const { kind, options, allowedMinutes } of kinds) {
  for (const runs of runCounts) {
    say(`${kind}, ${runs} at once ...`);
    const figures = await runFleet({ ...options, countedTokens: TOKENS, minutes, runs: Array<number>(runs).fill(workers / runs) });
    const allowance = callsPerMinute(options.provider) * allowedMinutes;
    simulated.push({ kind, runs, allowance, figures, row: rowOf(kind, figures, allowance, figures.reads + figures.updates) });
  }
}

const real = [];
const provider: RateLimits = { requestsPerMinute: 1_200, tokensPerMinute: 100_000_000 };
for (const runs of runCounts) {
  say(`in real time, ${runs} at once ...`);
  const table = await openControlTable();
  try {
    const figures = await runInRealTime(table, { provider, runs: Array<number>(runs).fill(workers / runs), seconds: realSeconds });
    const allowance = (callsPerMinute(provider) * (60 + realSeconds)) / 60;
    real.push({
      kind: 'real time',
      runs,
      allowance,
      figures,
      row: rowOf('bucket of requests, real time', figures, allowance, figures.tableRequests),
    });
  } finally {
    await table.close();
  }
}

const section = `${whole(workers)} workers in all, shared out among the runs, each asking again as soon as it has its answer; ${minutes} minutes of virtual time, and ${realSeconds} s of real time over
DynamoDB's protocol (dynalite on this machine):

${markdownTable([...simulated, ...real].map(({ row }) => row))}

Allowance is what the endpoint would have admitted: buckets of 600 calls a minute that start full (1,200 a minute in real time), or 600 in any sixty seconds.
In virtual time every worker is a process of its own, as a function with one batch is; in real time the workers of a run share one. Back-off alone is what clients do that share
nothing: ask at once, and after each refusal wait twice as long, at random. Jain's index is 1 where all runs get the same.`;
finish({ minutes, workers, realSeconds, simulated, real }, section);
