import * as z from 'zod';
import type { StepName } from '../../functions/shared/contract.ts';
import { SINGLE_BATCH_LIMIT } from '../../functions/shared/limits.ts';
import { defaultMemoryMb } from '../../infra/default-memory.ts';
import { markdownTable } from '../results.ts';
import type { Counts } from './counted-run.ts';

const usd = z.number().positive();
export const pricesSchema = z.strictObject({
  /** Day on which they were true. */
  date: z.iso.date(),
  region: z.string(),
  source: z.string(),
  usd: z.strictObject({
    ...{ lambdaGbSecond: usd, lambdaRequest: usd, stateTransition: usd, s3Write: usd, s3Read: usd },
    ...{ controlWrite: usd, controlRead: usd, event: usd },
  }),
  model: z.strictObject({ name: z.string(), inputUsdPerMillion: usd, outputUsdPerMillion: usd }),
  /** What a run on one machine cannot count. */
  assumptions: z.strictObject({
    secondsPerCall: usd,
    planSecondsPerMillionRows: usd,
    writeSecondsPerMillionRows: usd,
    finishSeconds: usd,
  }),
});
export type Prices = z.infer<typeof pricesSchema>;

export interface CostLine {
  service: string;
  /** What is billed. */
  billed: string;
  usd: number;
}

/** Seconds that the functions of a run work, all calls of one step together; those of summarize-batch wait for the model. */
export interface StepSeconds {
  plan: number;
  write: number;
  finish: number;
}

const MILLION = 1_000_000;
const whole = (value: number) => Math.round(value).toLocaleString('en');

const assumedSeconds = (rows: number, { assumptions }: Prices): StepSeconds => ({
  plan: (assumptions.planSecondsPerMillionRows * rows) / MILLION,
  write: (assumptions.writeSecondsPerMillionRows * rows) / MILLION,
  finish: assumptions.finishSeconds,
});

/** GB-seconds of Lambda on default memory. The batches of a function are asked for side by side. */
function gbSecondsOf({ invocations }: Counts, { plan, write, finish }: StepSeconds, secondsPerCall: number): number {
  const seconds = {
    'plan-batches': plan,
    'summarize-batch': invocations['summarize-batch'] * secondsPerCall,
    'write-tables': write,
    'finish-run': finish,
  };
  return Object.entries(seconds).reduce((sum, [step, some]) => sum + (some * defaultMemoryMb[step as StepName]) / 1024, 0);
}

/** What a run costs, service by service, the model first. @param seconds by default those that prices.json assumes. */
export function billOf(counts: Counts, prices: Prices, seconds: StepSeconds = assumedSeconds(counts.rows, prices)): CostLine[] {
  const { usd: price, assumptions, model } = prices;
  const { inputTokens, outputTokens, transitions, s3Writes, s3Reads, controlWrites, controlReads, events } = counts;
  const requests = Object.values(counts.invocations).reduce((sum, some) => sum + some, 0);
  const gbSeconds = gbSecondsOf(counts, seconds, assumptions.secondsPerCall);
  return [
    {
      service: `Model (${model.name})`,
      billed: `${whole(inputTokens)} tokens in, ${whole(outputTokens)} out`,
      usd: (inputTokens * model.inputUsdPerMillion + outputTokens * model.outputUsdPerMillion) / MILLION,
    },
    { service: 'Step Functions', billed: `${whole(transitions)} transitions`, usd: transitions * price.stateTransition },
    {
      service: 'S3',
      billed: `${whole(s3Writes)} PUT, COPY, LIST; ${whole(s3Reads)} GET, HEAD`,
      usd: s3Writes * price.s3Write + s3Reads * price.s3Read,
    },
    {
      service: 'Lambda',
      billed: `${whole(requests)} requests, ${whole(gbSeconds)} GB-seconds`,
      usd: requests * price.lambdaRequest + gbSeconds * price.lambdaGbSecond,
    },
    {
      service: 'DynamoDB',
      billed: `${whole(controlWrites)} writes, ${whole(controlReads)} reads`,
      usd: controlWrites * price.controlWrite + controlReads * price.controlRead,
    },
    { service: 'EventBridge', billed: `${events} events`, usd: events * price.event },
  ];
}

/** The page docs/costs.md. @param ofAMillion what a run of a million rows does, by the counts of a smaller one. */
export function costPage(counts: Counts, ofAMillion: Counts, prices: Prices): string {
  const lines = billOf(ofAMillion, prices);
  const total = lines.reduce((sum, { usd: dollars }) => sum + dollars, 0);
  const aws = total - (lines[0]?.usd ?? 0);
  const table = markdownTable(
    [...lines, { service: 'All', billed: `without the model ${aws.toFixed(2)}`, usd: total }].map(({ service, billed, usd: dollars }) => ({
      service,
      'billed for a million rows': billed,
      USD: dollars.toFixed(4),
    })),
  );
  const { assumptions } = prices;
  const share = Math.round(counts.batches / counts.invocations['summarize-batch']);
  return `# What a million rows cost

\`npm run costs\` writes this page from counted calls ([bench/results/costs.json](../bench/results/costs.json)) and from prices ([bench/prices.json](../bench/prices.json)).
\`npm run costs -- --count ROWS\` counts anew.

${table}

Prices of ${prices.date}, ${prices.region}. Source: ${prices.source}. Free tiers, taxes and discounts are left out.

## What was counted

A run of ${whole(counts.rows)} invented reviews of 8 to 37 words on one machine: the deployed workflow definition and the deployed steps, with ports that count. It had
${whole(counts.batches)} batches of 100 rows, ${whole(counts.calls)} model calls and about ${share} batches a function. Of a million rows requests and tokens are
those times the calls that it takes; transitions and requests of Lambda follow from the workflow. [A hundred million rows](benchmarks.md#a-hundred-million-rows) has the same bill with seconds of
Lambda that were measured.

| counted | is billed as |
|---|---|
| \`put\`, \`putIfAbsent\`, \`copy\` of the object store | one S3 PUT or COPY each |
| a streamed upload | one PUT below 8 MiB; from there one for each 8 MiB, and two to begin and to end it |
| \`list\`, \`folders\` | one S3 LIST for each thousand keys |
| \`get\`, \`head\`, \`stream\` | one S3 GET or HEAD each; deleting costs nothing |
| \`reserve\`, \`settle\`, \`count\`, \`halt\` of control, \`reserve\`, \`settle\` of the rate limiter | one DynamoDB write each; the rate limiter makes fewer, since it leases slots in blocks, and more where runs wait at a limit ([measured](benchmarks.md#the-shared-rate-limit)) |
| \`stopReason\` | one DynamoDB read |
| a published event | one event on a custom bus |
| a state entered or tried again, in the workflow and in its children; a child's start | one transition of a Standard workflow |
| a Task | one request of Lambda |

Levels of fewer than ${SINGLE_BATCH_LIMIT} batches give each function one batch ([why](decisions/019-batches-of-a-function.md)): four transitions for each, so a million rows in files that small cost $${(((4 * MILLION) / 100) * prices.usd.stateTransition).toFixed(2)} in Step Functions.

## What was not counted

- **Time in Lambda** is an assumption: ${assumptions.secondsPerCall} s a model call (the batches of one function are asked for side by side), ${assumptions.planSecondsPerMillionRows} s to plan and ${assumptions.writeSecondsPerMillionRows} s to write a million rows, ${assumptions.finishSeconds} s to finish.
- **Tokens** are those that the offline model server counts for this text; answers of a real model may be longer, up to \`maxOutputTokens\`. Longer texts cost more
  tokens and more parts; the number of calls stays. \`npm run explain -- FILE\` estimates a file of yours.
- **Tries after errors and waits for the rate limit**: each is two or three transitions more.
- **Storage**: work objects for 30 days, paid answers for 400, tables for as long as you keep them. **Logs**: some lines a function. **Secrets Manager**: $0.40 a month.
- **Athena**: $5 for a scanned terabyte, 10 MB at least each query.
- **A bucket's own events, the queue and accept-upload**: a handful of requests for each upload.
`;
}
