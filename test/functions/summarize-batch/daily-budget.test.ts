import { expect, test } from '@jest/globals';
import { memoryControl } from '../../../local/memory-control.ts';
import { RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { ANSWER_USD, answered } from '../../fakes/scripted-summarizer.ts';
import { openBench, summaryOf } from './summarize-bench.ts';

const DAY_MS = 86_400_000;

test('a run that comes to the budget of the day is halted with what it has, and goes on the day after', async () => {
  const control = memoryControl({ maxCostUsdPerDay: 2 * ANSWER_USD });
  const bench = await openBench({ run: sampleRun({ settings: { batchRows: 1 } }), texts: ['a', 'b', 'c', 'd'], control });
  for (const batch of bench.batches) await bench.summarizeWith(summaryOf(), { batches: [batch] });
  expect(await control.stopReason(RUN_ID, 1)).toBe('daily_budget_exceeded');
  const paid = bench.outcomes().length;
  expect(paid).toBeGreaterThanOrEqual(1);
  expect(paid).toBeLessThan(4);

  await bench.summarizeWith(summaryOf(), { attempt: 2 });
  expect(bench.requests).toEqual([]);
  expect(await control.stopReason(RUN_ID, 2)).toBe('daily_budget_exceeded');

  const now = bench.clock.now.bind(bench.clock);
  bench.clock.now = () => now() + DAY_MS;
  await bench.summarizeWith(summaryOf(), { attempt: 3, batches: bench.batches.slice(0, paid + 1) });
  expect(bench.requests).toHaveLength(1);
  expect(bench.outcomes()).toHaveLength(paid + 1);
});

test('a call that is made before midnight and answered after it falls under the day before', async () => {
  const control = memoryControl({ maxCostUsdPerDay: 0.001 });
  const bench = await openBench({ control });
  const reserved: string[] = [];
  const settled: string[] = [];
  const { reserve, settle } = control;
  control.reserve = (request) => {
    reserved.push(request.day);
    const now = bench.clock.now.bind(bench.clock);
    bench.clock.now = () => now() + DAY_MS;
    return reserve(request);
  };
  control.settle = (request, spentUsd) => {
    settled.push(request.day);
    return settle(request, spentUsd);
  };
  await bench.summarize([answered('good')], { batches: bench.first });
  expect(settled).toEqual(reserved);
});

test('a worker that waits for what calls in flight hold of the day gives up for the day, not for the run', async () => {
  const control = memoryControl({ maxCostUsdPerDay: 0.0003 });
  const bench = await openBench({ control });
  const day = new Date(bench.clock.now()).toISOString().slice(0, 10);
  await control.reserve({ runId: 'other', attempt: 1, reserveUsd: 0.0003, capUsd: null, day });
  await bench.summarize([], { batches: bench.first });
  expect(bench.clock.sleeps).toHaveLength(90);
  expect(await control.stopReason(RUN_ID, 1)).toBe('daily_budget_exceeded');
});
