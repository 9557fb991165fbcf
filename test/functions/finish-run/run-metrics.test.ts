import { expect, test } from '@jest/globals';
import { closeAttempt } from '../../../functions/shared/attempt.ts';
import { RUN_ID } from '../../fakes/sample-run.ts';
import { openBench } from './finish-bench.ts';

const subject = { dataset: 'support', runId: RUN_ID, attempt: 1 };

test('an attempt counts itself and its rows, once however often it is finished', async () => {
  const bench = await openBench({ fates: ['ok', 'ok', 'empty', 'ok'] });
  await bench.write();
  for (let call = 0; call < 3; call++) await bench.finish();
  expect(bench.metrics.told).toEqual([
    { values: { RunsPartial: 1, RowsRead: 5, RowsSummarized: 3, RowsRejected: 1, RowsFailed: 1 }, subject },
  ]);
});

test('of two that finish an attempt at once one counts it', async () => {
  const bench = await openBench();
  await bench.write();
  await Promise.all([bench.finish(), bench.finish()]);
  expect(bench.metrics.sum('RunsComplete')).toBe(1);
  expect(bench.metrics.sum('RowsRead')).toBe(5);
});

test('one that dies before it has closed the attempt leaves the counting to the next', async () => {
  const bench = await openBench();
  await bench.write();
  bench.work.crashBefore(/closed/);
  await expect(bench.finish()).rejects.toMatchObject({ name: 'CrashError' });
  expect(bench.metrics.told).toEqual([]);
  await bench.finish();
  expect(bench.metrics.sum('RunsComplete')).toBe(1);
});

test('a further attempt counts the rows that it adds, also past one that nobody closed properly', async () => {
  const bench = await openBench({ fates: ['ok', null, null, null] });
  await bench.write(1, 'budget_exceeded');
  await bench.finish({ stopReason: 'budget_exceeded' });
  await closeAttempt(bench.work, RUN_ID, 2, { status: 'aborted', closedAt: new Date(bench.clock.now()).toISOString() });
  bench.summarize(['ok', 'ok', 'ok', 'empty'], 3);
  await bench.write(3);
  await bench.finish({ attempt: 3 });
  expect(bench.metrics.told).toEqual([
    { values: { RunsHalted: 1, RowsRead: 5, RowsSummarized: 1, RowsRejected: 1, RowsFailed: 3 }, subject },
    {
      values: { RunsPartial: 1, RowsRead: 0, RowsSummarized: 2, RowsRejected: 0, RowsFailed: 1 },
      subject: { ...subject, attempt: 3 },
    },
  ]);
});

test('a workflow that ended early is a failed run', async () => {
  const bench = await openBench();
  await bench.finish({ failure: 'States.Timeout' });
  expect(bench.metrics.sum('RunsFailed')).toBe(1);
  expect(bench.metrics.sum('RowsSummarized')).toBe(0);
});
