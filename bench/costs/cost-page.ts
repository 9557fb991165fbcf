import * as z from 'zod';
import { SINGLE_BATCH_LIMIT } from '../../functions/shared/limits.ts';
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
    memoryGb: z.record(z.enum(['plan-batches', 'summarize-batch', 'write-tables', 'finish-run']), usd),
  }),
});
export type Prices = z.infer<typeof pricesSchema>;

export interface CostLine {
  service: string;
  /** What is billed, for a million rows. */
  billed: string;
  usd: number;
}

const FINISH_SECONDS = 10;
const MILLION = 1_000_000;
const whole = (value: number) => Math.round(value).toLocaleString('en');

/** Dollars for a million rows, by service: the counts of a run, taken times what a million is to its rows. */
export function costLines(counts: Counts, prices: Prices): CostLine[] {
  const { usd: price, assumptions, model } = prices;
  const perMillion = (value: number) => (value * MILLION) / counts.rows;
  const { memoryGb, secondsPerCall, planSecondsPerMillionRows, writeSecondsPerMillionRows } = assumptions;
  const invocations = perMillion(Object.values(counts.invocations).reduce((sum, some) => sum + some, 0));
  const gbSeconds =
    planSecondsPerMillionRows * memoryGb['plan-batches'] +
    // The batches of a function are asked for side by side.
    perMillion(counts.invocations['summarize-batch']) * secondsPerCall * memoryGb['summarize-batch'] +
    writeSecondsPerMillionRows * memoryGb['write-tables'] +
    FINISH_SECONDS * memoryGb['finish-run'];
  const line = (service: string, billed: string, dollars: number): CostLine => ({ service, billed, usd: dollars });
  const [input, output] = [perMillion(counts.inputTokens), perMillion(counts.outputTokens)];
  return [
    line(
      `Model (${model.name})`,
      `${whole(input)} tokens in, ${whole(output)} out`,
      (input * model.inputUsdPerMillion + output * model.outputUsdPerMillion) / MILLION,
    ),
    line('Step Functions', `${whole(perMillion(counts.transitions))} transitions`, perMillion(counts.transitions) * price.stateTransition),
    line(
      'S3',
      `${whole(perMillion(counts.s3Writes))} PUT, COPY, LIST; ${whole(perMillion(counts.s3Reads))} GET, HEAD`,
      perMillion(counts.s3Writes) * price.s3Write + perMillion(counts.s3Reads) * price.s3Read,
    ),
    line(
      'Lambda',
      `${whole(invocations)} requests, ${whole(gbSeconds)} GB-seconds`,
      invocations * price.lambdaRequest + gbSeconds * price.lambdaGbSecond,
    ),
    line(
      'DynamoDB',
      `${whole(perMillion(counts.controlWrites))} writes, ${whole(perMillion(counts.controlReads))} reads`,
      perMillion(counts.controlWrites) * price.controlWrite + perMillion(counts.controlReads) * price.controlRead,
    ),
    line('EventBridge', `${counts.events} events a run`, counts.events * price.event),
  ];
}

/** The page docs/costs.md. */
export function costPage(counts: Counts, prices: Prices): string {
  const lines = costLines(counts, prices);
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
${whole(counts.batches)} batches of 100 rows, ${whole(counts.calls)} model calls and about ${share} batches a function. The figures are those counts times ${MILLION / counts.rows}.

| counted | is billed as |
|---|---|
| \`put\`, \`putIfAbsent\`, \`copy\` of the object store | one S3 PUT or COPY each |
| a streamed upload | one PUT below 8 MiB; from there one for each 8 MiB, and two to begin and to end it |
| \`list\`, \`folders\` | one S3 LIST for each thousand keys |
| \`get\`, \`head\`, \`stream\` | one S3 GET or HEAD each; deleting costs nothing |
| \`reserve\`, \`settle\`, \`count\`, \`halt\` of control, \`reserve\`, \`settle\` of the rate limiter | one DynamoDB write each; the rate limiter makes fewer, since it leases slots in blocks |
| \`stopReason\` | one DynamoDB read |
| a published event | one event on a custom bus |
| a state entered or tried again, in the workflow and in its children | one transition of a Standard workflow |
| a Task | one request of Lambda |

Levels of fewer than ${SINGLE_BATCH_LIMIT} batches give each function one batch ([why](decisions/019-batches-of-a-function.md)): three transitions for each, so a million rows in files that small cost $${(((3 * MILLION) / 100) * prices.usd.stateTransition).toFixed(2)} in Step Functions.

## What was not counted

- **Time in Lambda** is an assumption: ${assumptions.secondsPerCall} s a model call (the batches of one function are asked for side by side), ${assumptions.planSecondsPerMillionRows} s to plan and ${assumptions.writeSecondsPerMillionRows} s to write a million rows, ${FINISH_SECONDS} s to finish.
- **Tokens** are those that the offline model server counts for this text; answers of a real model may be longer, up to \`maxOutputTokens\`. Longer texts cost more
  tokens and more parts; the number of calls stays. \`npm run explain -- FILE\` estimates a file of yours.
- **Tries after errors and waits for the rate limit**: each is two or three transitions more.
- **Storage**: work objects for 30 days, paid answers for 400, tables for as long as you keep them. **Logs**: some lines a function. **Secrets Manager**: $0.40 a month.
- **Athena**: $5 for a scanned terabyte, 10 MB at least each query.
- **A bucket's own events, the queue and accept-upload**: a handful of requests for each upload.
`;
}
