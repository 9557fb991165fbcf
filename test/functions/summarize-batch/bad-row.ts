import { expect } from '@jest/globals';
import { manyTexts, sampleRun } from '../../fakes/sample-run.ts';
import { failingAt, openBench, partsOf, refused } from './summarize-bench.ts';

/** One batch of so many rows; the text of row n is `text n`. */
export const openBatch = (rows: number) => openBench({ run: sampleRun({ settings: { batchRows: rows } }), texts: manyTexts(rows) });
type Bench = Awaited<ReturnType<typeof openBatch>>;

export const mergesOf = (bench: Bench) => bench.requests.map(partsOf).filter((parts) => parts !== undefined);
/** Rows beneath the one merge that there must be. */
export const mergedRows = (bench: Bench) => {
  const [merge, ...others] = mergesOf(bench);
  expect(others).toEqual([]);
  return merge?.reduce((sum, { rows }) => sum + rows, 0);
};

/** Summarizes a batch of which the model refuses one row, and checks that this one alone fails. @returns the extra calls. */
export async function callsAroundBadRow(rows: number, bad: number): Promise<number> {
  const bench = await openBatch(rows);
  await bench.summarizeWith(failingAt([`text ${bad}`], refused));
  const { status, failedRows, error } = bench.outcome(0);
  const failed =
    rows === 1 ? { status: 'failed', failedRows: [] } : { status: 'partial', failedRows: [{ rowNumber: bad, code: 'refusal' }] };
  expect({ rows, bad, status, failedRows, error: error?.code }).toEqual({ rows, bad, ...failed, error: 'refusal' });
  const extraCalls = bench.requests.length - 1;
  expect(extraCalls).toBeLessThanOrEqual(rows === 1 ? 0 : 2 * Math.ceil(Math.log2(rows)) + 2);
  const others = manyTexts(rows).filter((_, row) => row !== bad);
  // One piece alone needs no merge.
  if (mergesOf(bench).length > 0) expect(mergedRows(bench)).toBe(others.length);
  else if (rows > 1) expect(bench.outcome(0).contentKey).toBe(bench.contentKeyOfTexts(others));
  return extraCalls;
}
