import { describe, expect, test } from '@jest/globals';
import type { Run } from '../../functions/shared/contract.ts';
import type { RunResult } from '../../local/workflow/engine.ts';
import { namedError } from '../local/workflow/run.ts';
import { FaultyPipeline, type StepCall } from './faulty-pipeline.ts';
import { CALLS, finished, open, type Place, placeNames, places, requireOrder, strikeAt, tableRows, UPLOAD } from './struck-run.ts';

test('without a fault the run is complete, with an answer for each batch and the fold', async () => {
  const { pipeline, run } = await open();
  expect(await pipeline.execute(run)).toMatchObject({ status: 'SUCCEEDED' });
  expect(await requireOrder(pipeline, run)).toMatchObject({ ...finished, calls: BigInt(CALLS) });
});

describe.each(placeNames)('%s', (place) => {
  test('fails once: tried again, and the run is complete', async () => {
    const { pipeline, run } = await open();
    pipeline.strike = strikeAt(place, async () => {
      throw namedError('Lambda.Unknown');
    });
    expect(await pipeline.execute(run)).toMatchObject({ status: 'SUCCEEDED' });
    expect(await requireOrder(pipeline, run)).toMatchObject({ ...finished, calls: BigInt(CALLS) });
  });

  test('times out after it did its work: tried again, nothing is paid for again, and the run is complete', async () => {
    const { pipeline, run } = await open();
    pipeline.strike = strikeAt(place, async (work) => {
      await work();
      throw namedError('Sandbox.Timedout');
    });
    expect(await pipeline.execute(run)).toMatchObject({ status: 'SUCCEEDED' });
    expect(await requireOrder(pipeline, run)).toMatchObject({ ...finished, calls: BigInt(CALLS) });
  });

  test('runs twice at once: both agree, and the run is complete', async () => {
    const { pipeline, run } = await open();
    pipeline.strike = strikeAt(place, async (work) => (await Promise.all([work(), work()]))[0]);
    expect(await pipeline.execute(run)).toMatchObject({ status: 'SUCCEEDED' });
    // Two workers that ask at the same moment are both answered, and both answers are accounted for.
    expect(await requireOrder(pipeline, run, { answersPerRequest: 2 })).toMatchObject(finished);
  });

  test('is called again when all is over: nothing changes', async () => {
    const { pipeline, run } = await open();
    await pipeline.execute(run);
    const files = () => pipeline.results.keys().map((key) => [key, pipeline.results.bytes(key).toString('base64')]);
    const before = files();
    const late = pipeline.payloads.filter(({ step, payload }) => places[place]({ step, payload: payload as StepCall['payload'], nth: 0 }));
    expect(late.length).toBeGreaterThan(0);
    for (const { step, payload } of late.toReversed()) await pipeline.call(step, payload).catch(() => undefined);
    expect(files()).toEqual(before);
    expect(await requireOrder(pipeline, run)).toMatchObject({ ...finished, calls: BigInt(CALLS) });
  });

  test.each(['before', 'after'] as const)(
    'the execution is stopped %s its work: the run is closed, and another attempt completes it without paying again',
    async (moment) => {
      const { pipeline, run } = await open();
      const stop = new AbortController();
      let isWorking: Promise<unknown> = Promise.resolve();
      pipeline.strike = strikeAt(place, async (work) => {
        if (moment === 'after') await work();
        stop.abort();
        // A function that was called goes on when its execution is stopped.
        if (moment === 'before') isWorking = work().catch(() => undefined);
        return new Promise(() => {});
      });
      expect(await pipeline.execute(run, stop.signal)).toMatchObject({ status: 'ABORTED' });
      await pipeline.closeEnded(run, 'ABORTED');
      await isWorking;
      await requireOrder(pipeline, run);
      const next = await pipeline.nextAttempt(run);
      expect(await pipeline.execute(next)).toMatchObject({ status: 'SUCCEEDED' });
      expect(await requireOrder(pipeline, run)).toMatchObject({ ...finished, calls: BigInt(CALLS) });
    },
  );
});

/** How a run ends whose function at a place never works. */
const lasting: Record<Place, { execution: RunResult['status']; status: string; calls: number; rowsFailed: number }> = {
  'plan-batches, level 0': { execution: 'FAILED', status: 'failed', calls: 0, rowsFailed: 0 },
  'plan-batches, between the levels': { execution: 'FAILED', status: 'failed', calls: 3, rowsFailed: 24 },
  'plan-batches, after the last level': { execution: 'FAILED', status: 'failed', calls: 4, rowsFailed: 24 },
  'summarize-batch, a batch of rows': { execution: 'SUCCEEDED', status: 'partial', calls: 3, rowsFailed: 10 },
  'summarize-batch, the fold': { execution: 'SUCCEEDED', status: 'partial', calls: 3, rowsFailed: 0 },
  'write-tables, a part of rows': { execution: 'FAILED', status: 'failed', calls: 4, rowsFailed: 24 },
  'write-tables, the levels': { execution: 'FAILED', status: 'failed', calls: 4, rowsFailed: 24 },
  'finish-run': { execution: 'FAILED', status: 'failed', calls: 4, rowsFailed: 24 },
};

test.each(placeNames)('%s fails always: the run ends as documented, and another attempt completes it', async (place) => {
  const { pipeline, run } = await open();
  const expected = lasting[place];
  pipeline.strike = strikeAt(
    place,
    async () => {
      throw namedError('Lambda.Unknown');
    },
    Number.POSITIVE_INFINITY,
  );
  const result = await pipeline.execute(run);
  expect(result.status).toBe(expected.execution);
  // Where finish-run never works, the event of the ended execution waits in its queue until somebody mends it.
  if (place === 'finish-run') await expect(pipeline.closeEnded(run, 'FAILED')).rejects.toThrow();
  pipeline.strike = (_, work) => work();
  if (result.status === 'FAILED') for (let delivery = 0; delivery < 2; delivery++) await pipeline.closeEnded(run, 'FAILED');
  const record = await requireOrder(pipeline, run);
  expect(record).toMatchObject({ status: expected.status, calls: BigInt(expected.calls), rows_failed: BigInt(expected.rowsFailed) });
  if (record.status === 'failed') expect(pipeline.results.keys('tables/').filter((key) => !key.startsWith('tables/runs/'))).toEqual([]);

  const next = await pipeline.nextAttempt(run);
  expect(await pipeline.execute(next)).toMatchObject({ status: 'SUCCEEDED' });
  expect(await requireOrder(pipeline, run)).toMatchObject(finished);
});

test('RecordFailure fails, too: the batch has no outcome, and is a failed batch all the same', async () => {
  const { pipeline, run } = await open();
  let recorded = 0;
  pipeline.strike = async (call, work) => {
    if (!places['summarize-batch, a batch of rows'](call)) return work();
    if (call.payload.failure !== null) recorded++;
    throw namedError('Sandbox.Timedout');
  };
  expect(await pipeline.execute(run)).toMatchObject({ status: 'SUCCEEDED' });
  expect(recorded).toBeGreaterThan(1);
  expect(await requireOrder(pipeline, run)).toMatchObject({ status: 'partial', rows_failed: 10n });
});

const lost = () => Promise.reject(namedError('Lambda.Unknown'));
const oneFault: Record<string, (work: () => Promise<unknown>) => Promise<unknown>> = {
  'fails once': lost,
  'times out after it did its work': (work) => work().then(lost),
  'runs twice at once': async (work) => (await Promise.all([work(), work()]))[0],
};

test.each(Object.keys(oneFault))('RecordFailure %s: the batch is a failed one, once and with its reason', async (fault) => {
  const { pipeline, run } = await open();
  let left = 1;
  pipeline.strike = async (call, work) => {
    if (!places['summarize-batch, a batch of rows'](call)) return work();
    if (call.payload.failure === null) throw namedError('Sandbox.Timedout');
    return left-- > 0 ? oneFault[fault]!(work) : work();
  };
  expect(await pipeline.execute(run)).toMatchObject({ status: 'SUCCEEDED' });
  expect(left).toBeLessThan(1);
  expect(await requireOrder(pipeline, run)).toMatchObject({ status: 'partial', rows_failed: 10n, batches_failed: 1n });
  const failed = (await tableRows(pipeline, 'batch_summaries')).filter(({ status }) => status === 'failed');
  expect(failed).toMatchObject([{ batch_id: 1n, error_code: expect.not.stringContaining('no_outcome') }]);
});

test('the event of an upload comes twice, and once more when all is over: one run, one execution', async () => {
  const pipeline = new FaultyPipeline();
  const versionId = pipeline.input.seed('support/july.csv', UPLOAD);
  const [runs, again] = await Promise.all([
    pipeline.deliver('support/july.csv', versionId),
    pipeline.deliver('support/july.csv', versionId),
  ]);
  expect([...runs, ...again]).not.toHaveLength(0);
  expect(pipeline.started.size).toBe(1);
  const [run] = pipeline.started.values();
  await pipeline.execute(run as Run);
  await pipeline.deliver('support/july.csv', versionId);
  expect(pipeline.started.size).toBe(1);
  await requireOrder(pipeline, run as Run);
});

test('the event of an ended execution comes before its own finish-run is done, and again later: one ending', async () => {
  const { pipeline, run } = await open();
  pipeline.strike = strikeAt('finish-run', async (work) => {
    const [own] = await Promise.all([work(), pipeline.closeEnded(run, 'TIMED_OUT')]);
    return own;
  });
  await pipeline.execute(run);
  await pipeline.closeEnded(run, 'TIMED_OUT');
  expect(await requireOrder(pipeline, run)).toMatchObject({ rows_rejected: 1n });
});

test.each(placeNames)('a redrive that is stopped at %s takes nothing away from what was shown before it', async (place) => {
  const { pipeline, run } = await open();
  pipeline.strike = strikeAt(
    'summarize-batch, a batch of rows',
    async () => {
      throw namedError('Lambda.Unknown');
    },
    Number.POSITIVE_INFINITY,
  );
  await pipeline.execute(run);
  expect(await requireOrder(pipeline, run)).toMatchObject({ status: 'partial', rows_failed: 10n });
  const shown = await tableRows(pipeline, 'row_summaries');

  const stop = new AbortController();
  pipeline.strike = strikeAt(place, () => {
    stop.abort();
    return new Promise(() => {});
  });
  const second = await pipeline.nextAttempt(run);
  expect(await pipeline.execute(second, stop.signal)).toMatchObject({ status: 'ABORTED' });
  await pipeline.closeEnded(second, 'ABORTED');
  const [record] = await tableRows(pipeline, 'runs');
  expect(record).toMatchObject({
    status: 'partial',
    stop_reason: expect.stringMatching(/^Attempt 2: The workflow ended early: ABORTED\. Before it: failed rows by reason: no_outcome: 10$/),
    rows_summarized: 14n,
    calls: BigInt(pipeline.model.requests.length),
  });
  expect(await tableRows(pipeline, 'row_summaries')).toEqual(shown);

  expect(await pipeline.execute(await pipeline.nextAttempt(second))).toMatchObject({ status: 'SUCCEEDED' });
  expect(await requireOrder(pipeline, run)).toMatchObject({ ...finished, stop_reason: null });
});
