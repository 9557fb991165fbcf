import { describe, expect, test } from '@jest/globals';
import { writeOutcome } from '../../../functions/shared/outcome.ts';
import { RUN_ID } from '../../fakes/sample-run.ts';
import { answered } from '../../fakes/scripted-summarizer.ts';
import { fold, mergesIn, naming, openFoldBench, openSummarized } from './fold-bench.ts';
import { OUTCOMES, paidFor, refused } from './summarize-bench.ts';

describe('another attempt', () => {
  const folded = async () => {
    const bench = await openSummarized();
    await fold(bench, 1);
    await fold(bench, 2);
    return bench;
  };

  test('makes the folds again, free where nothing has changed', async () => {
    const bench = await folded();
    const before = [bench.outcomeAt(1, 0), bench.outcomeAt(1, 1), bench.outcomeAt(2, 0)];
    for (const level of [1, 2]) await bench.summarize([], { batches: bench.foldsOf(level), attempt: 2 });
    expect([bench.outcomeAt(1, 0), bench.outcomeAt(1, 1), bench.outcomeAt(2, 0)]).toEqual(before.map((one) => ({ ...one, attempt: 2 })));
  });

  test('does not ask again what was refused, where nothing has changed', async () => {
    const bench = await openSummarized();
    await fold(
      bench,
      1,
      naming((words) => words.some((text) => text.includes('text 2]')), refused),
    );
    const before = bench.outcomeAt(1, 0);
    await bench.summarize([], { batches: bench.foldsOf(1), attempt: 2 });
    expect(bench.outcomeAt(1, 0)).toEqual({ ...before, attempt: 2 });
    expect(before.status).toBe('partial');
  });

  test('keeps what a fold stands for, where the rows stand for others', async () => {
    const bench = await openSummarized();
    for (const batchId of [0, 1, 2]) bench.changeOutcome(0, batchId, { weight: 100 + batchId });
    await fold(
      bench,
      1,
      naming((words) => words.some((text) => text.includes('text 2]')), refused),
    );
    expect(bench.outcomeAt(1, 0)).toMatchObject({ status: 'partial', weight: 202 });
    await bench.summarize([], { batches: bench.foldsOf(1), attempt: 2 });
    expect(bench.outcomeAt(1, 0)).toMatchObject({ attempt: 2, status: 'partial', weight: 202 });
    await fold(bench, 2, naming(), { attempt: 2 });
    expect(mergesIn(bench.requests).map(([rows]) => rows)).toEqual([202, 6, 1]);
  });

  test('pays again only on the way up from a batch that it repaired; what was paid before stays counted', async () => {
    const bench = await openFoldBench();
    await bench.summarizeWith(naming((words) => words.some((text) => /text [67]/.test(text)), refused));
    expect(bench.outcomeAt(0, 3).status).toBe('failed');
    await fold(bench, 1);
    await fold(bench, 2);
    expect(bench.outcomeAt(2, 0)).toMatchObject({ status: 'partial', rowsFailed: 2 });

    await bench.summarizeWith(naming(), { attempt: 2 });
    expect(bench.requests).toHaveLength(1);
    await fold(bench, 1, naming(), { attempt: 2 });
    expect(mergesIn(bench.requests).map(([, words]) => words)).toEqual(['[text 6]', '[text 8]', '[text 10]']);
    await fold(bench, 2, naming(), { attempt: 2 });
    expect(bench.requests).toHaveLength(1);
    expect(bench.outcomeAt(2, 0)).toMatchObject({ status: 'ok', attempt: 2, rowsFailed: 0, error: null });
    expect(paidFor(bench.outcomeAt(2, 0)).callsByAttempt).toEqual({ 1: 1, 2: 1 });
    expect(paidFor(bench.outcomeAt(1, 1)).callsByAttempt).toEqual({ 1: 1, 2: 1 });
    expect(paidFor(bench.outcomeAt(1, 0)).callsByAttempt).toEqual({ 1: 1 });
  });

  test('does not take a fold of the attempt before, which may be of other summaries', async () => {
    const bench = await folded();
    await bench.summarize([], { batches: bench.foldsOf(1).slice(0, 1), attempt: 2 });
    await fold(bench, 2, naming(), { attempt: 2 });
    expect(mergesIn(bench.requests).map(([rows]) => rows)).toEqual([6, 1]);
    expect(bench.outcomeAt(2, 0)).toMatchObject({ status: 'partial', rowsFailed: 6 });
  });

  test('that is killed between the answer and the outcome leaves it to the next: nothing is paid twice', async () => {
    const bench = await openSummarized();
    bench.work.crashBefore(OUTCOMES);
    await expect(bench.summarizeWith(naming(), { batches: bench.foldsOf(1).slice(0, 1) })).rejects.toMatchObject({ name: 'CrashError' });
    await bench.summarize([], { batches: bench.foldsOf(1).slice(0, 1), attempt: 2 });
    expect(bench.outcomeAt(1, 0)).toMatchObject({ status: 'ok', attempt: 2, payments: [{ attempt: 1, calls: 1 }] });
  });
});

describe('a worker that comes late', () => {
  test('in the same attempt asks nothing', async () => {
    const bench = await openSummarized();
    await fold(bench, 1);
    bench.work.operations.length = 0;
    await bench.summarize([], { batches: bench.foldsOf(1) });
    expect(bench.work.writtenKeys).toEqual([]);
  });

  test('with a fold of the attempt before does not cover that of this one, but what it paid is counted', async () => {
    const bench = await openSummarized();
    await fold(bench, 1);
    const late = bench.outcomeAt(1, 0);
    await bench.summarize([], { batches: bench.foldsOf(1), attempt: 2 });
    const standing = bench.outcomeAt(1, 0);
    const payment = { answerId: 'late', attempt: 1, calls: 1, inputTokens: 1, outputTokens: 1, costUsd: 1 };
    await writeOutcome(bench.work, RUN_ID, { ...late, payments: [payment] });
    expect(bench.outcomeAt(1, 0)).toEqual({ ...standing, payments: [...standing.payments, payment] });
  });

  test('a fold of this attempt covers that of the one before, even with a failure', async () => {
    const bench = await openSummarized();
    await fold(bench, 1);
    const { answer: _, ...rest } = bench.outcomeAt(1, 0);
    await writeOutcome(bench.work, RUN_ID, { ...rest, attempt: 2, status: 'failed', answer: null, error: { code: 'x', message: 'x' } });
    expect(bench.outcomeAt(1, 0)).toMatchObject({ attempt: 2, status: 'failed' });
    await writeOutcome(bench.work, RUN_ID, { ...rest, attempt: 2, status: 'failed', answer: null, error: { code: 'y', message: 'y' } });
    expect(bench.outcomeAt(1, 0)).toMatchObject({ attempt: 2, error: { code: 'y' } });
  });

  test('two at once: both ask, one answer stands, both payments are counted', async () => {
    const bench = await openSummarized();
    const batches = bench.foldsOf(1).slice(0, 1);
    await Promise.all(['one', 'other'].map((text) => bench.summarize([answered(text)], { batches })));
    const outcome = bench.outcomeAt(1, 0);
    expect(outcome).toMatchObject({ status: 'ok', answer: { text: expect.stringMatching(/^(one|other)$/) } });
    expect(paidFor(outcome).calls).toBe(2);
  });
});
