import { describe, expect, test } from '@jest/globals';
import { ContextOverflowError, UnusableSummaryError } from '../../../functions/shared/errors.ts';
import { contentKeyOf } from '../../../functions/summarize-batch/content.ts';
import { mergeRequest, rowsRequest } from '../../../functions/summarize-batch/prompt.ts';
import { manyTexts } from '../../fakes/sample-run.ts';
import { answered, ScriptedSummarizer, textsOf } from '../../fakes/scripted-summarizer.ts';
import { callsAroundBadRow, mergedRows, mergesOf, openBatch } from './bad-row.ts';
import { empty, failingAt, paidFor, partsOf, refused } from './summarize-bench.ts';

describe('a batch with one row that the model refuses', () => {
  // Every place in every size up to a hundred: split.slow.ts.
  test.each([...Array.from({ length: 12 }, (_, index) => index + 1), 31, 32, 33, 64, 65, 99])(
    'of %i rows: that row fails, all others are summarized',
    async (rows) => {
      const places = rows <= 12 ? Array.from({ length: rows }, (_, row) => row) : [0, Math.floor(rows / 2), rows - 1];
      for (const bad of places) await callsAroundBadRow(rows, bad);
    },
  );

  test('by answering nothing: at most sixteen extra calls in a hundred rows', async () => {
    let most = 0;
    for (let bad = 0; bad < 100; bad++) {
      const bench = await openBatch(100);
      await bench.summarizeWith(failingAt([`text ${bad}`], empty));
      expect(bench.outcome(0).failedRows).toEqual([{ rowNumber: bad, code: 'empty' }]);
      most = Math.max(most, bench.requests.length - 1);
    }
    expect(most).toBe(16);
  });
});

test.each([
  [0, 1],
  [0, 99],
  [49, 50],
  [12, 88],
])('two bad rows, %i and %i of a hundred: exactly those fail', async (one, other) => {
  const bench = await openBatch(100);
  await bench.summarizeWith(failingAt([`text ${one}`, `text ${other}`], refused));
  expect(bench.outcome(0)).toMatchObject({
    status: 'partial',
    failedRows: [one, other].map((rowNumber) => ({ rowNumber, code: 'refusal' })),
  });
  expect(mergedRows(bench)).toBe(98);
  expect(bench.requests.length - 1).toBeLessThanOrEqual(32);
});

test.each([1, 2, 3, 10, 100])('where all %i rows are bad the batch fails, within its calls', async (rows) => {
  const bench = await openBatch(rows);
  await bench.summarizeWith(failingAt(manyTexts(rows), refused));
  expect(bench.outcome(0)).toMatchObject({ status: 'failed', answer: null, failedRows: [], error: { code: 'refusal' }, contentKey: null });
  expect(bench.requests.length).toBeLessThanOrEqual(Math.min(2 * rows - 1, 65));
  expect(paidFor(bench.outcome(0))).toMatchObject({ calls: 0, inputTokens: bench.requests.length * 1_000 });
});

test.each([
  ['refused', refused],
  ['empty', empty],
])('with more bad rows than 64 extra calls can find (%s), the rest fails as split_limit', async (_, failure) => {
  const bench = await openBatch(100);
  const odd = manyTexts(100).filter((__, row) => row % 2);
  let merges = 0;
  const rows = failingAt(odd, failure);
  // The worst that can be: the merge, too, has to be asked for twice.
  const model = new ScriptedSummarizer((request) => (partsOf(request) && ++merges === 1 ? empty() : rows.summarize(request, {})));
  await bench.summarizeWith(model);
  expect(bench.requests.length - 1).toBeLessThanOrEqual(64);
  expect(bench.requests.length - 1).toBeGreaterThan(60);
  const { status, failedRows, error } = bench.outcome(0);
  expect(status).toBe('partial');
  expect(error?.code).toBe(failure().code);
  const limited = failedRows.filter(({ code }) => code === 'split_limit').map(({ rowNumber }) => rowNumber);
  const tried = failedRows.filter(({ code }) => code === failure().code).map(({ rowNumber }) => rowNumber);
  expect(limited.length + tried.length).toBe(failedRows.length);
  expect(tried.every((row) => row % 2 === 1)).toBe(true);
  // What is left is the end of the batch, whole.
  expect(limited).toEqual(Array.from({ length: limited.length }, (__, index) => 100 - limited.length + index));
  expect(mergesOf(bench)[0]?.reduce((sum, part) => sum + part.rows, 0)).toBe(100 - failedRows.length);
});

describe('a batch is asked for', () => {
  const overflow = () => new ContextOverflowError('too many tokens', { code: 'context_length_exceeded' });
  const filtered = () => new UnusableSummaryError('filtered', { code: 'content_filter' });
  const withUrl = () => answered('See https://evil.example');

  test.each([
    ['once where it is too long', overflow, 1],
    ['once where it is filtered', filtered, 1],
    ['once where it is refused', refused, 1],
    ['twice where nothing is answered', empty, 2],
    ['twice where the answer fails its check', withUrl, 2],
  ])('%s; its pieces are asked for once', async (_, reply, wholeAsks) => {
    const bench = await openBatch(4);
    const model = new ScriptedSummarizer((request) => (textsOf(request).includes('text 1') ? reply() : answered('good')));
    await bench.summarizeWith(model);
    const whole = manyTexts(4);
    expect(bench.requests.map((request) => partsOf(request) ?? textsOf(request))).toEqual([
      ...Array.from({ length: wholeAsks }, () => whole),
      ['text 0', 'text 1'],
      ['text 0'],
      ['text 1'],
      ['text 2', 'text 3'],
      [
        { rows: 1, summary: 'good' },
        { rows: 2, summary: 'good' },
      ],
    ]);
  });

  test('in halves that the model takes: nothing is wrong with its rows', async () => {
    const bench = await openBatch(4);
    await bench.summarizeWith(new ScriptedSummarizer((request) => (textsOf(request).length > 2 ? overflow() : answered('half'))));
    expect(bench.outcome(0)).toMatchObject({ status: 'ok', error: null, failedRows: [], answer: { text: 'half' } });
  });

  test('in pieces of which one is left: that one is the summary, and there is nothing to merge', async () => {
    const bench = await openBatch(2);
    await bench.summarizeWith(failingAt(['text 0'], refused));
    expect(bench.requests).toHaveLength(3);
    expect(bench.outcome(0)).toMatchObject({ status: 'partial', failedRows: [{ rowNumber: 0 }] });
    expect(bench.outcome(0).contentKey).toBe(bench.contentKeyOfTexts(['text 1']));
  });

  test('and its error is that of the row that failed, not of the parts that were cut', async () => {
    const bench = await openBatch(8);
    const model = new ScriptedSummarizer((request) => {
      const texts = textsOf(request);
      return texts.length > 2 && !partsOf(request) ? overflow() : texts.includes('text 0') ? refused() : answered('good');
    });
    await bench.summarizeWith(model);
    expect(bench.outcome(0)).toMatchObject({ error: { code: 'refusal' }, failedRows: [{ rowNumber: 0, code: 'refusal' }] });
  });
});

test('the pieces and their merge are kept; the merge weighs each piece by its rows', async () => {
  const bench = await openBatch(4);
  await bench.summarizeWith(failingAt(['text 1'], refused));
  const { settings, dataset, endpoint } = bench.run;
  const pieces = [['text 0'], ['text 2', 'text 3']];
  const parts = pieces.map((texts) => {
    const content = bench.work.json<{ answer: { text: string } }>(bench.contentKeyOfTexts(texts));
    return { rows: texts.length, summary: content.answer.text };
  });
  const merge = mergeRequest(parts, settings);
  expect(bench.requests.at(-1)).toEqual(merge);
  expect(partsOf(merge)).toEqual(parts);
  expect(merge.messages[0]?.content).toContain('the following 3 customer reviews');
  expect(merge.messages[0]?.content).not.toBe(rowsRequest(['a', 'b'], settings).messages[0]?.content);
  const mergeKey = contentKeyOf(dataset, endpoint, merge);
  expect(bench.outcome(0)).toMatchObject({ status: 'partial', contentKey: mergeKey, fromCache: false });
  expect(bench.work.json(mergeKey)).toMatchObject({ unusable: null, answer: bench.outcome(0).answer });
  const refusals = [manyTexts(4), ['text 0', 'text 1'], ['text 1']];
  for (const texts of refusals) {
    expect(bench.work.json(bench.contentKeyOfTexts(texts))).toMatchObject({ answer: null, unusable: { code: 'refusal', asked: 1 } });
  }
  expect(bench.contents()).toHaveLength(pieces.length + refusals.length + 1);
  expect(paidFor(bench.outcome(0))).toMatchObject({ calls: 3, inputTokens: 6_000 });
});
