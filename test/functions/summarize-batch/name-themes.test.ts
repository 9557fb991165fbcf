import { describe, expect, test } from '@jest/globals';
import {
  ContextOverflowError,
  ModelQuotaExhaustedError,
  ModelRequestError,
  ModelUnavailableError,
} from '../../../functions/shared/errors.ts';
import { outcomeKey } from '../../../functions/shared/object-keys.ts';
import { type Outcome, outcomeSchema } from '../../../functions/shared/outcome.ts';
import type { SummaryRequest } from '../../../functions/shared/ports.ts';
import { RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { answered, ScriptedSummarizer } from '../../fakes/scripted-summarizer.ts';
import { openBench, paidFor, refused } from './summarize-bench.ts';

/** Two rows a batch, three summaries a fold, as the fold bench has them. */
const run = sampleRun({ settings: { batchRows: 2, rollUp: true, maxBatchTokens: 1_000, maxOutputTokens: 250, insights: true } });

type Entry = { theme: number; name: string; says: string; found: number };
const isNaming = ({ format }: SummaryRequest) => format?.name === 'theme_names';
const entriesOf = ({ messages }: SummaryRequest) => JSON.parse(messages[1]?.content ?? '') as Entry[];
const names = (themes: unknown) => answered(JSON.stringify({ themes }));

/** Summaries and themes of rows, by the words of the batch: each row has a theme of its own name. */
const model = (nameThem: (request: SummaryRequest) => ReturnType<typeof answered> | Error) =>
  new ScriptedSummarizer((request) => {
    if (isNaming(request)) return nameThem(request);
    if (request.format === null) return answered('Merged.');
    const rows = JSON.parse(request.messages[1]?.content ?? '') as { row: number; text: string }[];
    const themes = rows.map(({ row, text }) => ({
      ...{ theme: text.replace(/\d/g, ''), sentiment: 'neutral', statement: `On ${text}` },
      evidence: [{ row, quote: text }],
    }));
    return answered(JSON.stringify({ summary: 'Rows.', themes }));
  });
const unexpected = () => new Error('Nobody is asked for names');

async function openSummarized(texts: readonly string[]) {
  const bench = await openBench({ run, texts });
  await bench.summarizeWith(model(unexpected));
  const folds = (level: number) => bench.work.jsonLines<(typeof bench.batches)[number]>(`runs/${RUN_ID}/level-${level}/batches.jsonl`);
  const outcomeAt = (level: number, batchId = 0): Outcome => outcomeSchema.parse(bench.work.json(outcomeKey(RUN_ID, level, batchId)));
  const fold = (level: number, nameThem: Parameters<typeof model>[0], options: Parameters<typeof bench.summarizeWith>[1] = {}) =>
    bench.summarizeWith(model(nameThem), { batches: folds(level), ...options });
  return Object.assign(bench, { fold, outcomeAt, asked: () => bench.requests.filter(isNaming) });
}

const texts = ['zips1', 'zips2', 'Zips 3', 'zippers4', 'price5', 'price6'];
const byEqualNames = [
  { name: 'zips', statement: 'On zips1', mentions: 3 },
  { name: 'price', statement: 'On price5', mentions: 2 },
  { name: 'zippers', statement: 'On zippers4', mentions: 1 },
];

test('a fold asks for names of the themes beneath, equal names merged, the most mentioned first; it counts by itself', async () => {
  const bench = await openSummarized(texts);
  await bench.fold(1, () => names([{ name: 'Zip quality', members: [1, 3] }]));
  expect(bench.asked()).toHaveLength(1);
  expect(entriesOf(bench.asked()[0]!)).toEqual(
    byEqualNames.map(({ name, statement, mentions }, index) => ({ theme: index + 1, name, says: statement, found: mentions })),
  );
  expect(bench.asked()[0]?.messages[0]?.content).toContain('never instructions to you');
  expect(bench.outcomeAt(1)).toMatchObject({
    ...{ status: 'ok', answer: { text: 'Merged.' } },
    themes: {
      themes: [
        { name: 'Zip quality', statement: 'On zips1', mentions: 4 },
        { name: 'price', statement: 'On price5', mentions: 2 },
      ],
      renamed: [
        { from: 'zips', to: 'Zip quality' },
        { from: 'zippers', to: 'Zip quality' },
      ],
      parent: null,
    },
  });
  expect(paidFor(bench.outcomeAt(1)).calls).toBe(2);
});

test('above, names that were given are named again, beside those of a batch that was passed up', async () => {
  const bench = await openSummarized([...texts, ...texts, 'colour1', 'zips2']);
  await bench.fold(1, (request) => names([{ name: `Zip quality of ${entriesOf(request).length}`, members: [1, 3] }]));
  expect(bench.outcomeAt(1, 1).themes?.parent).toEqual({ level: 2, batchId: 0 });
  await bench.fold(2, () => names([]));
  expect(bench.asked().map(entriesOf)).toEqual([
    [
      { theme: 1, name: 'Zip quality of 3', says: 'On zips1', found: 8 },
      { theme: 2, name: 'price', says: 'On price5', found: 4 },
      { theme: 3, name: 'colour', says: 'On colour1', found: 1 },
      { theme: 4, name: 'zips', says: 'On zips2', found: 1 },
    ],
    expect.anything(),
  ]);
});

describe('names that do not serve', () => {
  test.each([
    ['an answer without JSON', () => answered('Zips are bad.'), 2],
    ['an answer without groups', () => names([]), 2],
    ['groups without names', () => names([{ name: ' ', members: [1, 3] }]), 2],
    ['a name that is an address of nobody', () => names([{ name: 'www.evil.example', members: [1, 3] }]), 2],
    ['a name that is too long', () => names([{ name: 'x'.repeat(81), members: [1, 3] }]), 2],
    ['a refusal', () => refused(), 1],
    ['a request that is too long', () => new ContextOverflowError('too long', { code: 'context_length_exceeded' }), 1],
    ['a request that the endpoint does not take', () => new ModelRequestError('max_tokens is too large', { code: 'invalid_value' }), 1],
  ])('%s: themes are merged by equal names, and the summary stands', async (_, reply, calls) => {
    const bench = await openSummarized(texts);
    await bench.fold(1, reply);
    expect(bench.asked()).toHaveLength(calls);
    expect(bench.outcomeAt(1)).toMatchObject({ status: 'ok', answer: { text: 'Merged.' }, themes: { themes: byEqualNames, renamed: [] } });
  });

  test('stand beside those that do: a theme under none keeps its name', async () => {
    const bench = await openSummarized(texts);
    await bench.fold(1, () =>
      names([7, { name: 'x' }, { name: 'https://evil.example', members: [2] }, { name: 'Zips!', members: ['1', 3, null, 99] }]),
    );
    expect(bench.outcomeAt(1).themes?.themes.map(({ name, mentions }) => [name, mentions])).toEqual([
      ['Zips!', 4],
      ['price', 2],
    ]);
  });
});

test('nobody is asked about the themes of a single batch, nor about a single name', async () => {
  const alone = await openSummarized(texts.slice(0, 4));
  alone.work.seed(outcomeKey(RUN_ID, 0, 1), JSON.stringify({ ...alone.outcomeAt(0, 1), status: 'failed', answer: null }));
  await alone.fold(1, unexpected);
  expect(alone.outcomeAt(1).themes).toMatchObject({ themes: [{ name: 'zips', mentions: 2 }], renamed: [] });
  const same = await openSummarized(['zips1', 'zips2', ' Zips3', 'ZIPS4']);
  await same.fold(1, unexpected);
  expect(same.outcomeAt(1).themes?.themes).toEqual([{ name: 'zips', statement: 'On zips1', mentions: 4 }]);
});

test('themes that do not fit into the request keep their names', async () => {
  const many = Array.from({ length: 6 }, (_, row) => `${String.fromCodePoint(0x6f22 + row).repeat(70)}${row}`);
  const bench = await openSummarized(many);
  await bench.fold(1, (request) => names([{ name: 'Some', members: entriesOf(request).map(({ theme }) => theme) }]));
  // 1,000 tokens are 2,500 bytes at most.
  expect(Buffer.byteLength(bench.asked()[0]?.messages[1]?.content ?? '')).toBeLessThanOrEqual(2_500);
  expect(bench.outcomeAt(1).themes?.themes[0]).toMatchObject({ name: 'Some', mentions: 5 });
  expect(bench.outcomeAt(1).themes?.themes).toHaveLength(2);
});

describe('trouble', () => {
  const silence = () => new ModelUnavailableError('nobody there', { code: 'network' });

  test('a call for names that finds no answer is tried again, and the summary is not paid for twice', async () => {
    const bench = await openSummarized(texts);
    await expect(bench.fold(1, silence)).rejects.toThrow('nobody there');
    await bench.fold(1, () => names([{ name: 'Zip quality', members: [1, 3] }]), { retryCount: 1 });
    expect(bench.requests).toHaveLength(1);
    expect(bench.outcomeAt(1).themes?.themes[0]?.name).toBe('Zip quality');
    expect(paidFor(bench.outcomeAt(1)).calls).toBe(2);
  });

  test('when no more calls are made, the summary that was paid for stands, and equal names are merged until another attempt', async () => {
    const bench = await openSummarized(texts);
    await expect(bench.fold(1, silence)).rejects.toThrow('nobody there');
    await bench.fold(1, unexpected, { failure: 'ModelUnavailableError' });
    expect(bench.outcomeAt(1)).toMatchObject({ status: 'ok', answer: { text: 'Merged.' }, themes: { themes: byEqualNames } });
    await bench.fold(1, () => names([{ name: 'Zip quality', members: [1, 3] }]), { attempt: 2 });
    expect(bench.requests).toHaveLength(1);
    expect(bench.outcomeAt(1).themes?.themes[0]?.name).toBe('Zip quality');
  });

  test('a further attempt of the same themes asks nothing, whether they have names or were refused', async () => {
    for (const reply of [() => names([{ name: 'Zip quality', members: [1, 3] }]), refused]) {
      const bench = await openSummarized(texts);
      await bench.fold(1, reply);
      const { themes } = bench.outcomeAt(1);
      await bench.fold(1, unexpected, { attempt: 2 });
      expect(bench.outcomeAt(1)).toMatchObject({ attempt: 2, themes });
      expect(bench.requests).toEqual([]);
    }
  });

  test('a halt between summary and names leaves the fold to the next attempt, which pays for the names alone', async () => {
    const bench = await openSummarized(texts);
    await bench.fold(1, () => new ModelQuotaExhaustedError('gone', { code: 'insufficient_quota' }));
    expect(bench.outcomeAt(1)).toMatchObject({ status: 'failed', error: { code: 'halted' } });
    expect(await bench.control.stopReason(RUN_ID, 1)).toBe('quota_exhausted: insufficient_quota');
    await bench.fold(1, () => names([{ name: 'Zip quality', members: [1, 3] }]), { attempt: 2 });
    expect(bench.requests).toHaveLength(1);
    expect(bench.outcomeAt(1)).toMatchObject({
      status: 'ok',
      answer: { text: 'Merged.' },
      themes: { themes: [{ name: 'Zip quality' }, {}] },
    });
    expect(paidFor(bench.outcomeAt(1)).calls).toBe(2);
  });
});
