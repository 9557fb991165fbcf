import { describe, expect, test } from '@jest/globals';
import { claimAttempt } from '../../../functions/shared/attempt.ts';
import { attemptClosedKey, partName, tableKey } from '../../../functions/shared/object-keys.ts';
import { ACCEPTED_AT, RUN_ID } from '../../fakes/sample-run.ts';
import { DATE, openBench, RUNS_KEY } from './finish-bench.ts';

const fileOf = (table: string, part = 0) => tableKey(table, DATE, RUN_ID, partName(part));
const published = ['batch_summaries', 'rejected_rows', 'row_summaries'].map((table) => fileOf(table));

describe('an attempt that ended early', () => {
  test('takes nothing away from what an earlier attempt has shown, and counts what it paid itself', async () => {
    const bench = await openBench({ fates: ['ok', 'ok', 'empty', null] });
    await bench.write();
    await bench.finish();
    const earlier = bench.record();
    const shown = bench.results.keys();
    bench.summarize([null, null, 'ok'], 2);
    for (let delivery = 0; delivery < 2; delivery++) {
      expect(await bench.finish({ attempt: 2, failure: 'States.Timeout' })).toMatchObject({ status: 'failed' });
      expect(bench.record()).toEqual({
        ...earlier,
        stop_reason: 'Attempt 2: The workflow ended early: States.Timeout. Before it: failed rows by reason: empty: 1, no_outcome: 1',
        ...{ calls: 3, calls_this_attempt: 1, input_tokens: 3_000, output_tokens: 300, cost_usd: 0.75 },
        finished_at: expect.any(String),
      });
      expect(bench.results.keys()).toEqual(shown);
      bench.work.delete([attemptClosedKey(RUN_ID, 2)]);
    }
    expect(await bench.runsRow()).toMatchObject({ status: 'partial', rows_summarized: 2n, calls: 3n });
    expect(bench.events.events.at(-1)).toMatchObject({
      type: 'Run Failed',
      detail: { status: 'failed', stopCode: 'states_timeout', rowsSummarized: 2, calls: 3 },
    });
    // The next attempt covers it all.
    bench.summarize(['ok', 'ok', 'ok', 'ok'], 3);
    await bench.write(3);
    expect(await bench.finish({ attempt: 3 })).toMatchObject({ status: 'complete', stopReason: null });
    expect(bench.record()).toMatchObject({ status: 'complete', stop_reason: null });
  });

  test('removes tables without a row of runs, which stand for nothing', async () => {
    const bench = await openBench({ fates: ['ok', 'ok', 'empty', null] });
    await bench.write();
    await bench.finish();
    await bench.results.delete([RUNS_KEY]);
    await bench.finish({ attempt: 2, failure: 'States.ExceedToleratedFailureThreshold' });
    expect(bench.record()).toMatchObject({ status: 'failed', calls: 2, calls_this_attempt: 0, input_tokens: 2_000, cost_usd: 0.5 });
    expect(bench.results.keys('tables/')).toEqual([RUNS_KEY]);
  });
});

describe('the files of earlier attempts', () => {
  test('that this one no longer has are removed; those of other runs stay', async () => {
    const bench = await openBench({ fates: ['ok', 'empty', 'ok', 'ok'] });
    await bench.write();
    await bench.finish();
    const outdated = [fileOf('row_summaries', 7), fileOf('rejected_rows', 1), tableKey('group_summaries', DATE, RUN_ID, 'levels')];
    const others = [
      tableKey('row_summaries', DATE, 'june-0123456789abcdef', partName(7)),
      // The run of a file that is named like this run.
      tableKey('row_summaries', DATE, `${RUN_ID}-fedcba9876543210`, partName(7)),
      tableKey('runs', DATE, `${RUN_ID}-fedcba9876543210`, partName(0)),
      tableKey('row_summaries', '2026-11-22', RUN_ID, partName(7)),
    ];
    for (const key of [...outdated, ...others]) bench.results.seed(key, 'earlier');

    await claimAttempt(bench.work, RUN_ID, {
      attempt: 2,
      owner: 'second',
      acceptedAt: '2026-12-24T00:00:00.000Z',
      settings: bench.run.settings,
    });
    bench.summarize([null, 'ok'], 2);
    await bench.write(2);
    expect(await bench.finish({ attempt: 2 })).toMatchObject({ status: 'complete' });
    expect(bench.results.keys('tables/')).toEqual([...published, RUNS_KEY, ...others].toSorted());
    expect(bench.record()).toMatchObject({ calls: 4, calls_this_attempt: 1, started_at: ACCEPTED_AT });
    expect(bench.events.events.map(({ detail }) => detail.eventId)).toEqual([`${RUN_ID}-1-partial`, `${RUN_ID}-2-complete`]);
  });
});
