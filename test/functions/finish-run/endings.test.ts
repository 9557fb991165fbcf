import { expect, test } from '@jest/globals';
import { attemptEndingKey } from '../../../functions/shared/object-keys.ts';
import { RUN_ID } from '../../fakes/sample-run.ts';
import { openBench, RUNS_KEY, rowCounts } from './finish-bench.ts';

test('a caller that comes while the first is at work completes its ending, not one of its own', async () => {
  const bench = await openBench();
  await bench.write();
  bench.results.crashBefore(/runs/, { operation: 'put' });
  await expect(bench.finish()).rejects.toMatchObject({ name: 'CrashError' });
  // The rule on ended executions knows only that this one failed.
  expect(await bench.finish({ failure: 'TIMED_OUT' })).toMatchObject({ status: 'complete', stopReason: null });
  expect(await bench.runsRow()).toMatchObject({ status: 'complete', rows_summarized: 4n });
  expect(bench.results.keys('tables/')).toHaveLength(4);
  expect(bench.events.events.map(({ type }) => type)).toEqual(['Run Completed']);
  expect(bench.log.lines).toEqual([]);
});

test('a halt is not covered by the failure that a second caller saw', async () => {
  const bench = await openBench({ fates: ['ok', null, null, null] });
  await bench.write(1, 'budget_exceeded');
  bench.results.crashBefore(/./);
  await expect(bench.finish({ stopReason: 'budget_exceeded' })).rejects.toMatchObject({ name: 'CrashError' });
  expect(await bench.finish({ failure: 'ABORTED' })).toMatchObject({ status: 'halted', stopReason: 'budget_exceeded' });
  expect(rowCounts(bench.record())).toMatchObject({ rows_summarized: 1, rows_failed: 3 });
});

test('each attempt has an ending of its own', async () => {
  const bench = await openBench({ fates: ['ok', null, null, null] });
  await bench.write(1, 'budget_exceeded');
  await bench.finish({ stopReason: 'budget_exceeded' });
  bench.summarize([null, 'ok', 'ok', 'ok'], 2);
  await bench.write(2);
  expect(await bench.finish({ attempt: 2 })).toMatchObject({ status: 'complete' });
  expect(bench.work.json(attemptEndingKey(RUN_ID, 1))).toEqual({ stopReason: 'budget_exceeded', failure: null });
  expect(bench.work.json(attemptEndingKey(RUN_ID, 2))).toEqual({ stopReason: null, failure: null });
  expect(bench.results.keys()).toContain(RUNS_KEY);
});
