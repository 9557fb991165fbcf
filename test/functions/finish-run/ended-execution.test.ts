import { describe, expect, test } from '@jest/globals';
import { finishInput } from '../../../functions/finish-run/ended-execution.ts';
import { claimAttempt, closeAttempt, readClosedAttempt } from '../../../functions/shared/attempt.ts';
import { type FinishRunInput, finishRunInput, type Run } from '../../../functions/shared/contract.ts';
import { attemptClosedKey, attemptKey, planKey, runRecordKey } from '../../../functions/shared/object-keys.ts';
import { executionArn, executionEvent, ofChild, withoutInput } from '../../fakes/execution-event.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { ACCEPTED_AT, RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { type FinishBench, openBench, RUNS_KEY } from './finish-bench.ts';

const statuses = ['FAILED', 'TIMED_OUT', 'ABORTED'];
const run = sampleRun({ settings: { batchRows: 1, maxCostUsd: 2 } });
const ownerOf = ({ runId, attempt }: Run) => executionArn(`${runId}-${attempt}`);
const claim = (work: MemoryStore, claimed: Run) =>
  claimAttempt(work, claimed.runId, { ...claimed, owner: ownerOf(claimed), acceptedAt: ACCEPTED_AT });

describe('the input', () => {
  const opened = async (claimed: Run | undefined = run) => {
    const work = new MemoryStore('work');
    if (claimed) await claim(work, claimed);
    return work;
  };

  test.each(statuses)('of an execution that ended %s is its run, with the status as the failure', async (status) => {
    const work = await opened();
    for (const detail of [{}, withoutInput, { input: null }]) {
      const input = await finishInput(executionEvent(run, status, detail), work);
      expect(input).toEqual({ run, stopReason: null, failure: status });
      expect(finishRunInput.parse(input)).toEqual(input);
    }
  });

  test('of a later attempt is that attempt, also of a run whose name ends in a number', async () => {
    const second = { ...run, runId: 'report-2026-1', attempt: 12 };
    const work = await opened(second);
    expect(await finishInput(executionEvent(second, 'FAILED', withoutInput), work)).toMatchObject({ run: second });
  });

  test('of an attempt whose claim an older version wrote is that of the event, else what the plan says', async () => {
    const bench = await openBench({ run });
    const old = { attempt: 1, owner: ownerOf(run), acceptedAt: ACCEPTED_AT, settings: run.settings };
    bench.work.seed(attemptKey(RUN_ID, 1), JSON.stringify(old));
    for (const detail of [{}, withoutInput]) {
      expect(await finishInput(executionEvent(run, 'FAILED', detail), bench.work)).toEqual({ run, stopReason: null, failure: 'FAILED' });
    }
    await bench.work.delete([planKey(RUN_ID)]);
    await expect(finishInput(executionEvent(run, 'FAILED', withoutInput), bench.work)).rejects.toThrow(
      `Nothing says what the input of ${RUN_ID}-1 was`,
    );
  });

  test('of an attempt whose claim is gone is that of the event', async () => {
    const work = await opened(undefined);
    await work.delete([attemptKey(RUN_ID, 1)]);
    expect(await finishInput(executionEvent(run, 'TIMED_OUT'), work)).toMatchObject({ run, failure: 'TIMED_OUT' });
  });

  test('of the workflow is taken as it is', async () => {
    const input = { run, stopReason: 'budget_exceeded', failure: null };
    expect(await finishInput(input, await opened())).toBe(input);
  });

  test.each([
    ['another status', executionEvent(run, 'RUNNING')],
    ['no event', {}],
  ])('of %s breaks the contract', async (_, event) => {
    expect(finishRunInput.safeParse(await finishInput(event, await opened())).success).toBe(false);
  });

  test.each([
    ['somebody started by hand with the input of a run', { name: 'try-again', executionArn: executionArn('try-again') }],
    [
      'has the name of the attempt in another state machine',
      { executionArn: executionArn(`${RUN_ID}-1`).replace(':hundredfold', ':other') },
    ],
    ['is the child of a map', ofChild('SummarizeBatches')],
  ])('of an execution that %s is none', async (_, detail) => {
    expect(await finishInput(executionEvent(run, 'FAILED', detail), await opened())).toBeUndefined();
  });
});

describe('an execution that ended without its Catch', () => {
  const close = async (bench: FinishBench, event: unknown) => bench.finish((await finishInput(event, bench.work)) as FinishRunInput);
  const openClaimed = async () => {
    const bench = await openBench({ run });
    await bench.work.delete([attemptKey(RUN_ID, 1)]);
    await claim(bench.work, run);
    return bench;
  };

  test.each(statuses)('%s, is closed, once however often the rule calls', async (status) => {
    const bench = await openClaimed();
    const words = `The workflow ended early: ${status}`;
    expect(await close(bench, executionEvent(run, status, withoutInput))).toMatchObject({ status: 'failed', stopReason: words });
    expect(await bench.runsRow()).toMatchObject({ status: 'failed', stop_reason: words, calls: 4n, cost_usd: 1 });
    expect(await readClosedAttempt(bench.work, RUN_ID, 1)).toMatchObject({ status: 'failed' });
    const row = bench.results.bytes(RUNS_KEY);
    const written = bench.work.writtenKeys.length;
    bench.clock.advance(3_600);
    expect(await close(bench, executionEvent(run, status))).toMatchObject({ status: 'failed' });
    expect(bench.results.bytes(RUNS_KEY)).toEqual(row);
    expect(bench.work.writtenKeys).toHaveLength(written);
    expect(bench.events.events.map(({ type }) => type)).toEqual(['Run Failed']);
  });

  test('is left alone when it had closed its run before, whatever comes later', async () => {
    const bench = await openClaimed();
    await bench.write();
    await bench.finish();
    const row = bench.results.bytes(RUNS_KEY);
    for (const status of statuses) expect(await close(bench, executionEvent(run, status))).toMatchObject({ status: 'complete' });
    expect(bench.results.bytes(RUNS_KEY)).toEqual(row);
  });

  const second = { ...run, attempt: 2 };

  test('is left alone when a redrive has given it up: neither the newer attempt at work nor its tables are touched', async () => {
    const bench = await openClaimed();
    await closeAttempt(bench.work, RUN_ID, 1, { status: 'aborted', closedAt: ACCEPTED_AT });
    await claim(bench.work, second);
    const before = bench.work.keys();
    expect(await close(bench, executionEvent(run, 'TIMED_OUT'))).toMatchObject({ runId: RUN_ID, status: 'failed' });
    expect([bench.work.keys(), bench.results.keys(), bench.events.events]).toEqual([before, [], []]);

    await bench.write(2);
    expect(await bench.finish({ attempt: 2 })).toMatchObject({ status: 'complete' });
    const row = bench.results.bytes(RUNS_KEY);
    for (const status of statuses) await close(bench, executionEvent(run, status, withoutInput));
    expect(bench.results.bytes(RUNS_KEY)).toEqual(row);
    expect(bench.record()).toMatchObject({ status: 'complete' });
    expect(bench.events.events.map(({ type }) => type)).toEqual(['Run Completed']);
  });

  test('of two attempts each closes its own, in whatever order their events come', async () => {
    const bench = await openClaimed();
    await closeAttempt(bench.work, RUN_ID, 1, { status: 'aborted', closedAt: ACCEPTED_AT });
    await claim(bench.work, second);
    await close(bench, executionEvent(second, 'ABORTED', withoutInput));
    await close(bench, executionEvent(run, 'FAILED', withoutInput));
    expect(bench.record()).toMatchObject({ status: 'failed', stop_reason: 'The workflow ended early: ABORTED' });
    expect(await readClosedAttempt(bench.work, RUN_ID, 1)).toMatchObject({ status: 'aborted' });
    expect(await readClosedAttempt(bench.work, RUN_ID, 2)).toMatchObject({ status: 'failed' });
  });

  test('and is given up by a redrive while finish-run looks at it shows nothing', async () => {
    const bench = await openClaimed();
    bench.work.before(
      /receipts|plan/,
      () => void bench.work.seed(attemptClosedKey(RUN_ID, 1), JSON.stringify({ status: 'aborted', closedAt: ACCEPTED_AT })),
      {
        operation: 'get',
      },
    );
    await close(bench, executionEvent(run, 'FAILED'));
    expect([bench.results.keys(), bench.work.keys(runRecordKey(RUN_ID)), bench.events.events]).toEqual([[], [], []]);
  });
});
