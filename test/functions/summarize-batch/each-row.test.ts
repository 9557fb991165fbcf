import { describe, expect, test } from '@jest/globals';
import { ModelUnavailableError } from '../../../functions/shared/errors.ts';
import type { SummaryRequest } from '../../../functions/shared/ports.ts';
import type { Settings } from '../../../functions/shared/settings.ts';
import { mergeRequest, numberedRowsRequest } from '../../../functions/summarize-batch/prompt.ts';
import { sampleRun } from '../../fakes/sample-run.ts';
import { answered, ScriptedSummarizer } from '../../fakes/scripted-summarizer.ts';
import { openBench, paidFor, refused } from './summarize-bench.ts';

const rowRun = (settings: Partial<Settings> = {}) =>
  sampleRun({ settings: { batchRows: 4, granularity: 'row', rollUp: true, ...settings } });
const texts = ['a', 'b', 'c', 'd'];

/** The texts of a request for row summaries; undefined where it asks for something else. */
const asked = ({ messages, format }: SummaryRequest): string[] | undefined =>
  format?.name === 'row_summaries' ? (JSON.parse(messages[1]?.content ?? '') as { text: string }[]).map(({ text }) => text) : undefined;

/** An answer to rows: each text's summary, or what is given for it. */
const rowsOf = (given: readonly (string | null)[], extra: readonly object[] = []) =>
  answered(
    JSON.stringify({ rows: [...given.flatMap((summary, index) => (summary === null ? [] : [{ row: index + 1, summary }])), ...extra] }),
  );

const own = (summaries: Record<number, string>) =>
  Object.entries(summaries).map(([rowNumber, summary]) => ({ rowNumber: Number(rowNumber), summary }));
const shown = (requests: readonly SummaryRequest[]) => requests.map((request) => asked(request)?.join('') ?? 'merge');

test('one call gives each row its own summary, and a second one the paragraph of them', async () => {
  const run = rowRun();
  const bench = await openBench({ run, texts });
  await bench.summarize([rowsOf(['A', 'B', 'C', 'D']), answered('All four.')]);
  const merge = mergeRequest(
    ['A', 'B', 'C', 'D'].map((summary) => ({ rows: 1, summary })),
    run.settings,
  );
  expect(bench.requests).toEqual([numberedRowsRequest(texts, run.settings), merge]);
  expect(bench.outcome(0)).toMatchObject({
    ...{ status: 'ok', error: null, failedRows: [], rowsFailed: 0 },
    rowSummaries: own({ 0: 'A', 1: 'B', 2: 'C', 3: 'D' }),
    answer: { text: 'All four.' },
  });
  expect(paidFor(bench.outcome(0))).toMatchObject({ calls: 2 });
});

test('without roll-up there is no paragraph and no call for it', async () => {
  const bench = await openBench({ run: rowRun({ rollUp: false }), texts });
  await bench.summarize([rowsOf(['A', 'B', 'C', 'D'])]);
  expect(bench.outcome(0)).toMatchObject({ status: 'ok', answer: { text: null, model: 'gpt-6-luna-2026-10-01' }, rowsFailed: 0 });
  expect(bench.outcome(0).rowSummaries).toHaveLength(4);
});

test('the summary of a single row is the paragraph of its batch', async () => {
  const bench = await openBench({ run: rowRun(), texts: ['a'] });
  await bench.summarize([rowsOf(['A'])]);
  expect(bench.outcome(0)).toMatchObject({ status: 'ok', answer: { text: 'A' }, rowSummaries: own({ 0: 'A' }) });
});

test('answers that another run had paid for are named by the outcome, each of them, so that they can be found', async () => {
  const bench = await openBench({ run: rowRun(), texts });
  await bench.summarize([rowsOf(['A', 'B', 'C', null]), rowsOf(['D']), answered('All four.')]);
  expect(bench.outcome(0)).not.toHaveProperty('adoptedKeys');
  const again = await openBench({ run: { ...rowRun(), runId: 'other-0123456789abcdef' }, texts, work: bench.work });
  await again.summarize([]);
  const { contentKey, adoptedKeys = [] } = again.outcome(0);
  expect([...adoptedKeys, contentKey].toSorted()).toEqual(bench.work.keys('summaries/'));
  expect(adoptedKeys).toHaveLength(2);
});

describe('wrong rows', () => {
  test('missing, doubled, empty ones and those with a foreign address are asked for again in one call, and no others', async () => {
    const bench = await openBench({ run: rowRun({ batchRows: 5 }), texts: [...texts, 'e'] });
    await bench.summarize([
      rowsOf(
        [null, 'B', '', 'see www.evil.example', 'E'],
        [
          { row: 2, summary: 'B again' },
          { row: 17, summary: 'from nowhere' },
        ],
      ),
      rowsOf(['A', 'B', 'C', 'D']),
      answered('All.'),
    ]);
    expect(shown(bench.requests)).toEqual(['abcde', 'abcd', 'merge']);
    expect(bench.outcome(0)).toMatchObject({ status: 'ok', rowSummaries: own({ 0: 'A', 1: 'B', 2: 'C', 3: 'D', 4: 'E' }) });
    expect(bench.log.lines).toContainEqual(
      expect.objectContaining({
        fields: { batchId: 0, rows: 5, missing: 1, doubled: 1, empty: 1, otherwise: 1, foreign: 1, isCut: false },
      }),
    );
  });

  test('what is wrong twice is asked for alone, and then fails with what is wrong with it', async () => {
    const bench = await openBench({ run: rowRun(), texts });
    await bench.summarize([
      rowsOf(['A', null, null, null]),
      rowsOf([null, 'C', null]),
      rowsOf(['']),
      rowsOf(['D']),
      answered('Three of four.'),
    ]);
    expect(shown(bench.requests)).toEqual(['abcd', 'bcd', 'b', 'd', 'merge']);
    expect(bench.outcome(0)).toMatchObject({
      ...{ status: 'partial', answer: { text: 'Three of four.' }, rowsFailed: 1 },
      rowSummaries: own({ 0: 'A', 2: 'C', 3: 'D' }),
      failedRows: [{ rowNumber: 1, code: 'row_empty' }],
      error: { code: 'row_empty', message: 'Rows without a summary of their own: 1 row_empty' },
    });
  });

  test('a single wrong row is asked for alone twice', async () => {
    const bench = await openBench({ run: rowRun(), texts });
    await bench.summarize([rowsOf(['A', 'B', 'C', null]), rowsOf([null]), rowsOf([null]), answered('Three.')]);
    expect(shown(bench.requests)).toEqual(['abcd', 'd', 'd', 'merge']);
    expect(bench.outcome(0)).toMatchObject({ status: 'partial', failedRows: [{ rowNumber: 3, code: 'no_entries' }] });
  });

  test('an answer without any row is asked for again as a whole, then in halves', async () => {
    const bench = await openBench({ run: rowRun(), texts });
    const nothing = () => answered('I would rather not.');
    await bench.summarize([nothing(), nothing(), rowsOf(['A', 'B']), nothing(), rowsOf(['C']), refused(), answered('Three.')]);
    expect(shown(bench.requests)).toEqual(['abcd', 'abcd', 'ab', 'cd', 'c', 'd', 'merge']);
    expect(bench.outcome(0)).toMatchObject({ status: 'partial', failedRows: [{ rowNumber: 3, code: 'refusal' }] });
  });

  test('the rest of an answer that was cut is asked for in one call as long as that brings rows', async () => {
    const bench = await openBench({ run: rowRun(), texts });
    const cut = (row: string) => answered(`{"rows":[{"row":1,"summary":"${row}"},{"row":2,"summary":"very lo`, { finishReason: 'length' });
    await bench.summarize([cut('A'), cut('B'), cut('C'), rowsOf(['D']), answered('All.')]);
    expect(shown(bench.requests)).toEqual(['abcd', 'bcd', 'cd', 'd', 'merge']);
    expect(bench.outcome(0)).toMatchObject({ status: 'ok', rowSummaries: own({ 0: 'A', 1: 'B', 2: 'C', 3: 'D' }) });
  });

  test('a batch costs at most 64 extra calls for its rows; what is left then fails as split_limit', async () => {
    const many = Array.from({ length: 100 }, (_, row) => `text ${row}`);
    const bench = await openBench({ run: rowRun({ batchRows: 100, rollUp: false }), texts: many });
    await bench.summarizeWith(
      new ScriptedSummarizer((request) => rowsOf((asked(request) ?? []).map((text) => (text === 'text 7' ? 'Seven.' : '')))),
    );
    const outcome = bench.outcome(0);
    expect(outcome.rowSummaries).toEqual(own({ 7: 'Seven.' }));
    expect(bench.requests.length).toBeLessThanOrEqual(65);
    expect(new Set(outcome.failedRows.map(({ code }) => code))).toEqual(new Set(['row_empty', 'split_limit']));
    expect(outcome.failedRows).toHaveLength(99);
  });
});

describe('nothing is paid twice', () => {
  test('a retry after a failed call goes on with what was answered', async () => {
    const bench = await openBench({ run: rowRun(), texts });
    const down = () => new ModelUnavailableError('down', { code: 'http_503' });
    await expect(bench.summarize([rowsOf(['A', null, 'C', 'D']), down()])).rejects.toThrow('down');
    await expect(bench.summarize([rowsOf(['B']), down()], { retryCount: 1 })).rejects.toThrow('down');
    await bench.summarize([answered('All.')], { retryCount: 2 });
    expect(bench.outcome(0)).toMatchObject({ status: 'ok', rowSummaries: own({ 0: 'A', 1: 'B', 2: 'C', 3: 'D' }) });
    expect(paidFor(bench.outcome(0))).toMatchObject({ calls: 3 });
  });

  test('a batch that is given up counts what it paid, and the next attempt asks only for what is missing', async () => {
    const bench = await openBench({ run: rowRun(), texts });
    const down = () => new ModelUnavailableError('down', { code: 'http_503' });
    await expect(bench.summarize([rowsOf(['A', null, 'C', 'D']), down()])).rejects.toThrow('down');
    await bench.summarize([], { failure: 'ModelUnavailableError' });
    expect(bench.outcome(0)).toMatchObject({ status: 'failed', payments: [{ calls: 1 }] });
    await bench.summarize([rowsOf(['B']), answered('All.')], { attempt: 2 });
    expect(shown(bench.requests)).toEqual(['b', 'merge']);
    expect(bench.outcome(0)).toMatchObject({ status: 'ok' });
    expect(paidFor(bench.outcome(0))).toMatchObject({ calls: 3 });
  });

  test('a row that failed stands for the run; a paragraph that the model refuses leaves the rows their summaries', async () => {
    const bench = await openBench({ run: rowRun(), texts: ['a', 'b'] });
    await bench.summarize([rowsOf(['A', 'B']), refused(), refused(), refused()]);
    const outcome = bench.outcome(0);
    expect(outcome).toMatchObject({ status: 'partial', answer: { text: null }, failedRows: [], rowsFailed: 2, error: { code: 'refusal' } });
    expect(outcome.rowSummaries).toEqual(own({ 0: 'A', 1: 'B' }));
    await bench.summarize([], { attempt: 2 });
    expect(bench.requests).toEqual([]);
  });
});
