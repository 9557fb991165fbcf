import { expect, test } from '@jest/globals';
import { mergeRequest } from '../../../functions/summarize-batch/prompt.ts';
import { sampleRun } from '../../fakes/sample-run.ts';
import { answered } from '../../fakes/scripted-summarizer.ts';
import { openBench } from './summarize-bench.ts';

// The sample's attribute `stars` is the row number modulo 5.
const run = sampleRun({ settings: { batchRows: 4, weightColumn: 'stars' } });

test('rows with weights are merged as summaries of so many rows each; one that names none counts as one', async () => {
  const bench = await openBench({ run, texts: ['a', 'b', 'c', 'd'] });
  await bench.summarize([answered('all of them')]);
  const parts = [1, 1, 2, 3].map((rows, index) => ({ rows, summary: 'abcd'[index] as string }));
  expect(bench.requests.map(({ messages }) => messages)).toEqual([mergeRequest(parts, run.settings).messages]);
  expect(bench.outcome(0)).toMatchObject({ status: 'ok', rowsFailed: 0, weight: 7 });
});

test('without a weight column rows are rows', async () => {
  const bench = await openBench({ run: sampleRun({ settings: { batchRows: 4 } }), texts: ['a', 'b', 'c', 'd'] });
  await bench.summarize([answered('all of them')]);
  expect(JSON.parse(bench.requests[0]?.messages[1]?.content ?? '')).toEqual(['a', 'b', 'c', 'd']);
  expect(bench.outcome(0).weight).toBeUndefined();
});
