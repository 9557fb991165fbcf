import { describe, expect, test } from '@jest/globals';
import { noSums } from '../../../functions/finish-run/run-ledger.ts';
import { verdictOf } from '../../../functions/finish-run/run-status.ts';
import { stopCodeOf } from '../../../functions/finish-run/stop-code.ts';
import { EventRefusedError } from '../../../functions/shared/adapters/eventbridge-event-sink.ts';
import { planKey, receiptKey, runTablePrefix } from '../../../functions/shared/object-keys.ts';
import { writeRefusal } from '../../../functions/shared/refusal.ts';
import { tableNames } from '../../../functions/shared/table-names.ts';
import { RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { DATE, type FinishBench, openBench } from './finish-bench.ts';

test('listeners are told names, counts, codes and places, and nothing that a customer wrote', async () => {
  const bench = await openBench({ fates: ['ok', 'empty', 'ok', 'ok'] });
  await bench.write();
  await bench.finish();
  expect(bench.events.events).toEqual([
    {
      type: 'Run Completed',
      detail: {
        ...{ version: '1', eventId: `${RUN_ID}-1-partial`, runId: RUN_ID, attempt: 1, dataset: 'support' },
        source: { bucket: 'input', key: 'support/july.csv', versionId: 'v1' },
        ...{ status: 'partial', stopCode: 'rows_failed' },
        ...{
          rowsIn: 5,
          rowsSummarized: 3,
          rowsFailed: 1,
          rowsRejected: 1,
          rowsSkipped: 0,
          batches: 4,
          batchesFailed: 1,
          calls: 3,
          costUsd: 0.75,
        },
        results: {
          ...{ bucket: 'results', date: DATE },
          prefixes: Object.fromEntries(tableNames.map((table) => [table, runTablePrefix(table, DATE, RUN_ID)])),
        },
        ...{ summaryBucket: 'work', summaryKey: bench.record().summary_key },
        query: `SELECT level, batch_id, row_count, status, summary FROM batch_summaries WHERE run_id = '${RUN_ID}' AND dt = '${DATE}' ORDER BY level DESC, batch_id`,
      },
    },
  ]);
  expect(JSON.stringify([bench.events.events, bench.log.lines])).not.toContain('customer');
});

test('the prefixes of an event find every file of the run', async () => {
  const bench = await openBench({ fates: ['ok', 'empty', 'ok', 'ok'] });
  await bench.write();
  await bench.finish();
  const { prefixes } = bench.events.events[0]!.detail.results;
  expect(bench.results.keys('tables/').filter((key) => !Object.values(prefixes).some((prefix) => key.startsWith(prefix)))).toEqual([]);
});

describe('why a run did not end complete is a code', () => {
  const nothing = () => {};
  const endings: [
    code: string | null,
    fates: (string | null)[],
    prepare: (bench: FinishBench) => unknown,
    Parameters<FinishBench['finish']>[0],
  ][] = [
    [null, ['ok', 'ok', 'ok', 'ok'], nothing, {}],
    ['rows_failed', ['ok', 'ok', 'ok', 'empty'], nothing, {}],
    ['nothing_summarized', ['empty', 'empty', 'empty', 'empty'], nothing, {}],
    ['budget_exceeded', ['ok', null, null, null], nothing, { stopReason: 'budget_exceeded' }],
    ['quota_exhausted', ['ok', null, null, null], nothing, { stopReason: 'quota_exhausted: insufficient_quota' }],
    ['breaker', ['ok', null, null, null], nothing, { stopReason: 'breaker: 10 of the first 10 batches failed' }],
    ['halted', ['ok', null, null, null], nothing, { stopReason: 'Ünheard of' }],
    ['ledger', ['ok', 'ok', 'ok', 'ok'], ({ work }) => work.delete([receiptKey(RUN_ID, '000000')]), {}],
    ['states_timeout', ['ok', 'ok', 'ok', 'ok'], nothing, { failure: 'States.Timeout' }],
    ['result_conflict', ['ok', 'ok', 'ok', 'ok'], nothing, { failure: 'ResultConflictError' }],
    ['invalid_upload', [], ({ work }) => work.delete([planKey(RUN_ID)]), { failure: 'InvalidUploadError' }],
    [
      'excel_workbook',
      [],
      ({ work }) => writeRefusal(work, RUN_ID, { reason: 'july.xlsx, said the customer', origin: 'upload', code: 'excel_workbook' }),
      { failure: 'InvalidUploadError' },
    ],
  ];

  test.each(endings)('%s', async (code, fates, prepare, input) => {
    const bench = await openBench({ fates });
    await bench.write();
    await prepare(bench);
    await bench.finish(input);
    expect(bench.events.events.map(({ detail }) => detail.stopCode)).toEqual([code]);
  });

  test('too many rows failed', async () => {
    const run = sampleRun({ settings: { batchRows: 1, toleratedFailurePercentage: 10 } });
    const bench = await openBench({ run, fates: ['ok', 'ok', 'ok', 'empty'] });
    await bench.write();
    await bench.finish();
    expect(bench.events.events[0]).toMatchObject({ type: 'Run Failed', detail: { stopCode: 'too_many_rows_failed' } });
  });
});

test('a run whose rows are all summarized and whose folds are not has a code of its own', () => {
  const verdict = verdictOf({ ...noSums, rowsSummarized: 5, foldsIncomplete: 1 }, null, 100);
  expect(verdict.status).toBe('partial');
  const ending = { failure: null, refusal: undefined };
  expect(stopCodeOf(verdict, { ...ending, sums: { rowsSummarized: 5, rowsFailed: 0 } })).toBe('folds_incomplete');
});

describe('an event that was not taken', () => {
  test('fails the step before its attempt is closed; the next try says the very same, whatever has been paid for meanwhile', async () => {
    const bench = await openBench({ fates: ['ok', null, null, null] });
    const { publish } = bench.events;
    // The bus took the event, and its answer was lost.
    bench.events.publish = async (event) => {
      await publish.call(bench.events, event);
      throw new EventRefusedError('InternalFailure');
    };
    await expect(bench.finish({ failure: 'ABORTED' })).rejects.toMatchObject({ name: 'EventRefusedError' });

    // A function outlives the execution that was stopped: its call ends now.
    bench.summarize(['ok', 'ok']);
    bench.events.publish = publish;
    expect(await bench.finish({ failure: 'ABORTED' })).toMatchObject({ status: 'failed' });
    expect(bench.record()).toMatchObject({ calls: 2, cost_usd: 0.5 });
    const [first, second] = bench.events.events;
    expect(first).toMatchObject({ type: 'Run Failed', detail: { calls: 1, costUsd: 0.25 } });
    expect(second).toEqual(first);
  });

  test('is not taken for a delivered one: a closed attempt has told its end', async () => {
    const bench = await openBench();
    await bench.write();
    const { publish } = bench.events;
    bench.events.publish = async () => {
      throw new EventRefusedError('ThrottlingException');
    };
    await expect(bench.finish()).rejects.toMatchObject({ name: 'EventRefusedError', code: 'ThrottlingException' });
    bench.events.publish = publish;
    await bench.finish();
    await bench.finish();
    expect(bench.events.events.map(({ type }) => type)).toEqual(['Run Completed']);
  });
});
