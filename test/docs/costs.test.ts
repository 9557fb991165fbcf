import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { billOf, costPage, pricesSchema } from '../../bench/costs/cost-page.ts';
import { type Counts, countedRun, counting } from '../../bench/costs/counted-run.ts';
import { countsAt } from '../../bench/scale/counts-at.ts';
import { modelFacts } from '../../functions/shared/model-catalog.ts';
import { MemoryStore } from '../fakes/memory-store.ts';

const file = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const counts = JSON.parse(file('bench/results/costs.json')) as Counts;
const prices = pricesSchema.parse(JSON.parse(file('bench/prices.json')));

test('docs/costs.md says what the script makes of the kept counts and prices (npm run costs brings it up to date)', () => {
  expect(file('docs/costs.md')).toBe(costPage(counts, countsAt(1_000_000, counts), prices));
});

test('the price of the model is that of the catalog', () => {
  const { name, inputUsdPerMillion: inputUsd, outputUsdPerMillion: outputUsd } = prices.model;
  expect(modelFacts(name).price).toEqual({ inputUsd, outputUsd });
});

test('a run costs what its counts cost, and its end once', () => {
  const some: Counts = { ...counts, transitions: 20_000, inputTokens: 2_000_000, outputTokens: 2_000_000 };
  const lines = billOf(some, prices);
  const usdOf = (service: string) => lines.find((line) => line.service.startsWith(service))?.usd;
  expect(usdOf('Step Functions')).toBeCloseTo(0.5);
  expect(usdOf('Model')).toBeCloseTo(1.2);
});

test('a run is counted as it is billed: as many calls, transitions and requests as its batches need', async () => {
  const small = await countedRun(250);
  // Begin, plan, choose, map, plan, choose, map (the fold), plan, choose, write, finish, outcome, end; and for each child its start and its own.
  expect(small).toMatchObject({
    ...{ rows: 250, batches: 3, calls: 4, events: 2, transitions: 13 + 4 * (3 + 1) + 2 * 2 },
    invocations: { 'plan-batches': 3, 'summarize-batch': 4, 'write-tables': 2, 'finish-run': 1 },
  });
  expect(small.s3Writes).toBeGreaterThan(20);
  expect(small.controlWrites).toBeGreaterThanOrEqual(4 * 4);
});

test('a streamed upload is one request below 8 MiB, else one for each part and two more; lists count by the thousand', async () => {
  const counted = { s3Reads: 0, s3Writes: 0 };
  const store = counting(new MemoryStore('work'), counted);
  const stream = async (bytes: number) => {
    const before = counted.s3Writes;
    const writer = store.create('key');
    await writer.write(Buffer.alloc(bytes));
    await writer.close();
    return counted.s3Writes - before;
  };
  expect(await stream(1_000)).toBe(1);
  expect(await stream(17 * 1024 * 1024)).toBe(5);
  const before = counted.s3Writes;
  for await (const _ of store.list('')) expect(counted.s3Writes).toBe(before + 1);
  await store.get('key');
  await store.head('key');
  expect(counted.s3Reads).toBe(2);
});
