import { describe, expect, test } from '@jest/globals';
import { ContextOverflowError, ModelRequestError, ModelUnavailableError } from '../../../functions/shared/errors.ts';
import { foldablesKey, outcomeKey } from '../../../functions/shared/object-keys.ts';
import { RUN_ID } from '../../fakes/sample-run.ts';
import { answered } from '../../fakes/scripted-summarizer.ts';
import { fold, foldingRun, mergesIn, naming, openFoldBench, openSummarized } from './fold-bench.ts';
import { openBench, paidFor, partsOf, refused } from './summarize-bench.ts';

const done = { waitSeconds: 0, remaining: [] };

describe('a fold', () => {
  test('asks once for all summaries beneath, each with the number of its rows', async () => {
    const bench = await openSummarized();
    expect(await fold(bench, 1)).toEqual(done);
    expect(bench.requests.map(partsOf)).toEqual([
      [0, 2, 4].map((row) => ({ rows: 2, summary: `[text ${row}]` })),
      [6, 8, 10].map((row) => ({ rows: 2, summary: `[text ${row}]` })),
    ]);
    expect(bench.requests[0]?.messages[0]?.content).toContain('summarize the following 6 customer reviews');
    expect(bench.requests[0]?.messages[0]?.content).toContain('minority views');
    expect(bench.outcomeAt(1, 0)).toMatchObject({
      ...{ batchId: 0, level: 1, attempt: 1, status: 'ok', error: null, failedRows: [], rowsFailed: 0, fromCache: false },
      answer: { text: '([text 0] [text 2] [text 4])' },
    });
    expect(paidFor(bench.outcomeAt(1, 0)).calls).toBe(1);
  });

  test('of the root takes in what was passed up', async () => {
    const bench = await openSummarized();
    await fold(bench, 1);
    await fold(bench, 2);
    expect(mergesIn(bench.requests)).toEqual([
      [6, '([text 0] [text 2] [text 4])'],
      [6, '([text 6] [text 8] [text 10])'],
      [1, '[text 12]'],
    ]);
    expect(bench.outcomeAt(2, 0)).toMatchObject({ status: 'ok', rowsFailed: 0 });
  });

  test('reads the batches beneath by one range, and their outcomes', async () => {
    const bench = await openSummarized();
    await bench.summarizeWith(naming(), { batches: bench.foldsOf(1).slice(1) });
    const reads = bench.work.operations.filter((line) => line.startsWith('get runs/'));
    expect(reads).toEqual([
      `get ${outcomeKey(RUN_ID, 1, 1)}`,
      `get ${foldablesKey(RUN_ID, 0)}`,
      ...[3, 4, 5].map((batchId) => `get ${outcomeKey(RUN_ID, 0, batchId)}`),
    ]);
  });

  test('says nothing to the breaker: it is about the first batches of rows', async () => {
    const bench = await openFoldBench(Array.from({ length: 400 }, (_, row) => `text ${row}`));
    // No batch has an outcome: 66 folds fail without a call.
    await fold(bench, 1);
    expect(bench.outcomeAt(1, 65).status).toBe('failed');
    expect(await bench.control.stopReason(RUN_ID, 1)).toBeUndefined();
  });
});

describe('what is missing beneath', () => {
  test('a batch that failed is left out, and said', async () => {
    const bench = await openSummarized();
    bench.fail(0, 1);
    await fold(bench, 1);
    expect(mergesIn(bench.requests.slice(0, 1))).toEqual([
      [2, '[text 0]'],
      [2, '[text 4]'],
    ]);
    expect(bench.requests[0]?.messages[0]?.content).toContain('the following 4 customer reviews');
    expect(bench.outcomeAt(1, 0)).toMatchObject({
      ...{ status: 'partial', rowsFailed: 2, failedRows: [] },
      error: { code: 'incomplete', message: '1 of the 3 batches beneath have no summary' },
    });
    expect(bench.outcomeAt(1, 1)).toMatchObject({ status: 'ok' });
    // The root has all of its three, one of which lacks rows.
    await fold(bench, 2);
    expect(mergesIn(bench.requests).map(([rows]) => rows)).toEqual([4, 6, 1]);
    expect(bench.outcomeAt(2, 0)).toMatchObject({
      ...{ status: 'partial', rowsFailed: 2 },
      error: { code: 'incomplete', message: '2 of the 13 rows beneath are in no summary' },
    });
  });

  test('a batch without an outcome is left out', async () => {
    const bench = await openSummarized();
    await bench.work.delete([outcomeKey(RUN_ID, 0, 6)]);
    await fold(bench, 1);
    await fold(bench, 2);
    expect(mergesIn(bench.requests).map(([rows]) => rows)).toEqual([6, 6]);
    expect(bench.outcomeAt(2, 0)).toMatchObject({ status: 'partial', rowsFailed: 1 });
  });

  test('a batch that lost some of its rows has the weight of the others', async () => {
    const bench = await openFoldBench();
    await bench.summarizeWith(naming((words) => words.includes('text 3'), refused));
    await fold(bench, 1);
    expect(mergesIn(bench.requests.slice(0, 1)).map(([rows]) => rows)).toEqual([2, 1, 2]);
    expect(bench.outcomeAt(1, 0)).toMatchObject({ status: 'partial', rowsFailed: 1, error: { code: 'incomplete' } });
  });

  test('a single summary that is left stands for the fold: no call, nothing paid', async () => {
    const bench = await openSummarized();
    bench.fail(0, 0);
    bench.fail(0, 2);
    await bench.summarize([], { batches: bench.foldsOf(1).slice(0, 1) });
    expect(bench.outcomeAt(1, 0)).toMatchObject({
      ...{ status: 'partial', rowsFailed: 4, payments: [], fromCache: false, answer: bench.outcomeAt(0, 1).answer },
      error: { code: 'incomplete', message: '2 of the 3 batches beneath have no summary' },
    });
  });

  test('without any summary the fold fails, without a call', async () => {
    const bench = await openSummarized();
    for (const batchId of [0, 1, 2]) bench.fail(0, batchId);
    await bench.summarize([], { batches: bench.foldsOf(1).slice(0, 1) });
    expect(bench.outcomeAt(1, 0)).toMatchObject({
      ...{ status: 'failed', answer: null, rowsFailed: 6, payments: [] },
      error: { code: 'nothing_to_fold', message: 'None of the 3 batches beneath has a summary' },
    });
    await fold(bench, 2, naming(), {});
    // The second fold has no outcome either: the passed-up batch stands for all.
    expect(bench.requests).toEqual([]);
    expect(bench.outcomeAt(2, 0)).toMatchObject({ status: 'partial', rowsFailed: 12, answer: { text: '[text 12]' } });
  });
});

describe('a merge that the model refuses', () => {
  const poisoned = (word: string) => naming((words) => words.some((text) => text.includes(word)), refused);

  test('is split: the summary at fault is left out, and its rows count as failed', async () => {
    const bench = await openSummarized();
    await fold(bench, 1, poisoned('text 2]'));
    expect(bench.outcomeAt(1, 0)).toMatchObject({ status: 'partial', rowsFailed: 2, failedRows: [], error: { code: 'refusal' } });
    const [last] = mergesIn(bench.requests.filter((request) => partsOf(request)?.length === 2)).slice(-2);
    expect(last).toEqual([2, '([text 0])']);
    expect(bench.outcomeAt(1, 1)).toMatchObject({ status: 'ok', rowsFailed: 0 });
  });

  test('whole and in every part leaves no summary', async () => {
    const bench = await openSummarized();
    await fold(bench, 1, poisoned('text'));
    expect(bench.outcomeAt(1, 0)).toMatchObject({ status: 'failed', rowsFailed: 6, answer: null, error: { code: 'refusal' } });
    expect(paidFor(bench.outcomeAt(1, 0)).calls).toBe(0);
    expect(paidFor(bench.outcomeAt(1, 0)).costUsd).toBeGreaterThan(0);
  });

  test('since it is too long is folded in halves', async () => {
    const bench = await openSummarized();
    const overflow = () => new ContextOverflowError('too long', { code: 'context_length_exceeded' });
    await fold(
      bench,
      1,
      naming((words) => words.length > 2, overflow),
    );
    expect(bench.outcomeAt(1, 0)).toMatchObject({ status: 'ok', rowsFailed: 0, answer: { text: '(([text 0] [text 2]) ([text 4]))' } });
  });

  test('in too many pieces says so, though no summary was refused by itself', async () => {
    const run = { ...foldingRun, settings: { ...foldingRun.settings, batchRows: 1, maxBatchTokens: 100_000 } };
    const bench = await openBench({ run, texts: Array.from({ length: 100 }, (_, row) => `text ${row}`) });
    await bench.summarizeWith(naming());
    const fold0 = { ...(bench.batches[0] as (typeof bench.batches)[0]), level: 1, partKey: foldablesKey(RUN_ID, 0), start: 0, rows: 100 };
    const end = bench.work.bytes(foldablesKey(RUN_ID, 0)).length;
    const overflow = () => new ContextOverflowError('too long', { code: 'context_length_exceeded' });
    await bench.summarizeWith(
      naming((words) => words.length > 1, overflow),
      { batches: [{ ...fold0, end }] },
    );
    const outcome = bench.work.json<{ error: { code: string }; rowsFailed: number; status: string }>(outcomeKey(RUN_ID, 1, 0));
    expect(outcome).toMatchObject({ status: 'partial', error: { code: 'split_limit' } });
    expect(outcome.rowsFailed).toBeGreaterThan(50);
  });

  test.each([
    ['an address that the summaries have', '[text 0] see https://example.com/lid', 'ok'],
    ['an address that nobody wrote', 'see https://evil.example/lid', 'failed'],
  ])('%s', async (_, text, status) => {
    const bench = await openSummarized();
    const outcome = bench.outcomeAt(0, 0);
    bench.changeOutcome(0, 0, { answer: outcome.answer && { ...outcome.answer, text: 'They praise https://example.com/lid' } });
    const replies = Array.from({ length: 12 }, () => answered(text));
    await bench.summarize(replies, { batches: bench.foldsOf(1).slice(0, 1) });
    expect(bench.outcomeAt(1, 0).status).toBe(status);
  });
});

describe('a fold in trouble', () => {
  test('an endpoint that is down is an error for the workflow to try again; when tries are used up the fold fails', async () => {
    const bench = await openSummarized();
    const down = () => new ModelUnavailableError('503', { code: 'http_503' });
    await expect(
      fold(
        bench,
        1,
        naming(() => true, down),
      ),
    ).rejects.toMatchObject({ name: 'ModelUnavailableError' });
    await bench.summarize([], { batches: bench.foldsOf(1), failure: 'ModelUnavailableError', retryCount: 8 });
    expect(bench.outcomeAt(1, 1)).toMatchObject({ status: 'failed', rowsFailed: 6, tries: 9, error: { code: 'model_unavailable' } });
  });

  test('that needs no call is made even when tries are used up', async () => {
    const bench = await openSummarized();
    for (const batchId of [0, 1]) bench.fail(0, batchId);
    await bench.summarize([], { batches: bench.foldsOf(1).slice(0, 1), failure: 'Sandbox.Timedout', retryCount: 8 });
    expect(bench.outcomeAt(1, 0)).toMatchObject({ status: 'partial', answer: { text: '[text 4]' } });
  });

  test('a request that is refused as such fails the fold alone', async () => {
    const bench = await openSummarized();
    const bad = () => new ModelRequestError('bad', { code: 'bad_parameter' });
    await fold(
      bench,
      1,
      naming((words) => words.includes('[text 0]'), bad),
    );
    expect(bench.outcomeAt(1, 0)).toMatchObject({ status: 'failed', rowsFailed: 6, error: { code: 'bad_parameter' } });
    expect(bench.outcomeAt(1, 1).status).toBe('ok');
  });

  test('a halt leaves it without an outcome, for the next attempt', async () => {
    const bench = await openSummarized();
    await bench.control.halt(RUN_ID, 1, 'interrupted');
    await bench.summarize([], { batches: bench.foldsOf(1) });
    expect(bench.work.keys(outcomeKey(RUN_ID, 1, 0))).toEqual([]);
    await fold(bench, 1, naming(), { attempt: 2 });
    expect(bench.outcomeAt(1, 0).status).toBe('ok');
  });

  test.each([
    ['missing', () => undefined, 'staged_bytes_missing'],
    ['cut short', (text: string) => text.slice(0, 100), 'staged_bytes_missing'],
    ['no JSON', (text: string) => text.replace('{', '('), 'staged_bytes_broken'],
    ['no batches', (text: string) => text.replace('"batchId"', '"batchIx"'), 'folded_batches_differ'],
    ['batches of other rows', (text: string) => text.replace('"rows":2', '"rows":3'), 'folded_batches_differ'],
    ['other batches', (text: string) => text.replace('"level":0', '"level":1'), 'folded_batches_differ'],
  ])('bytes that are %s fail the fold, without a call', async (_, breakLines, code) => {
    const bench = await openSummarized();
    const [batch] = bench.foldsOf(1);
    const key = foldablesKey(RUN_ID, 0);
    const broken = (breakLines as (text: string) => string | undefined)(bench.work.text(key));
    if (broken === undefined) await bench.work.delete([key]);
    else bench.work.seed(key, broken);
    expect(await bench.summarize([], { batches: batch ? [batch] : [] })).toEqual(done);
    expect(bench.outcomeAt(1, 0)).toMatchObject({ status: 'failed', rowsFailed: 6, error: { code } });
  });
});
