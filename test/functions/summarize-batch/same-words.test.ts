import { expect, test } from '@jest/globals';
import { ModelUnavailableError } from '../../../functions/shared/errors.ts';
import { answered } from '../../fakes/scripted-summarizer.ts';
import { openBench, refused } from './summarize-bench.ts';

const open = () => openBench({ texts: ['a', 'a', 'a', 'a'], asking: new Map() });

test('batches of the same words that are asked at the same time pay once', async () => {
  const bench = await open();
  await bench.summarize([answered('good')]);
  expect(bench.requests).toHaveLength(1);
  const outcomes = [bench.outcome(0), bench.outcome(1)];
  expect(outcomes.map(({ status, answer }) => [status, answer?.text])).toEqual([
    ['ok', 'good'],
    ['ok', 'good'],
  ]);
  expect(outcomes.flatMap(({ payments }) => payments)).toHaveLength(1);
});

test('where the one that asks finds no answer, the other asks itself', async () => {
  const bench = await open();
  const silence = new ModelUnavailableError('', { code: 'timeout' });
  await expect(bench.summarize([silence, answered('good')])).rejects.toMatchObject({ code: 'timeout' });
  expect(bench.requests).toHaveLength(2);
  expect(bench.outcomes()).toHaveLength(1);
});

test('a refusal stands for whoever waited for it', async () => {
  const bench = await open();
  await bench.summarize([refused(), refused()]);
  expect(bench.requests).toHaveLength(2);
  expect([bench.outcome(0).status, bench.outcome(1).status]).toEqual(['failed', 'failed']);
});
