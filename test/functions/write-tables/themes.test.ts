import { expect, test } from '@jest/globals';
import type { Claim } from '../../../functions/shared/claim.ts';
import type { Batch } from '../../../functions/shared/contract.ts';
import { LEVELS_PART, manifestKey, outcomeKey, partName, receiptKey, stagedTableKey } from '../../../functions/shared/object-keys.ts';
import type { Outcome } from '../../../functions/shared/outcome.ts';
import type { Settings } from '../../../functions/shared/settings.ts';
import { foldThemes, mergeEqualNames, type NamedGroup, themesOfClaims } from '../../../functions/shared/theme.ts';
import { writeTables } from '../../../functions/write-tables/write-tables.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { ACCEPTED_AT, manyTexts, planSample, RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { parquetRows } from './parquet-content.ts';

const claim = (theme: string, sentiment: Claim['sentiment'], ...rows: number[]): Claim => ({
  ...{ theme, sentiment, statement: `On ${theme}.` },
  evidence: rows.map((rowNumber) => ({ rowNumber, id: `id-${rowNumber}`, quote: rowNumber % 2 === 0 ? `text ${rowNumber}` : '' })),
});

const outcomeOf = ({ level, batchId }: Batch, changes: Partial<Outcome>): Outcome => ({
  ...{ batchId, level, attempt: 1, tries: 1, status: 'ok', error: null, failedRows: [], rowsFailed: 0, fromCache: false },
  ...{ promptVersion: '1', contentKey: null, payments: [] },
  answer: { text: `${level}/${batchId}`, finishReason: 'stop', model: 'm', serviceTier: null, latencyMs: 1, createdAt: ACCEPTED_AT },
  ...changes,
});

/** 14 rows in seven batches of two; three summaries a fold: two folds, and batch 6 goes into the root as it is. */
const claims: Claim[][] = [
  [claim('Zips', 'negative', 0, 1), claim('zips', 'positive', 1)],
  [claim('Zippers', 'negative', 2), claim('Zips', 'negative', 2)],
  [claim('Price', 'mixed', 5)],
  [claim('Zips', 'neutral', 6)],
  [],
  [claim('Cost', 'positive', 10, 11)],
  [claim('Cost', 'negative', 12), claim('Zippers', 'positive', 13)],
];
const groupOf =
  (...names: string[]) =>
  (themes: readonly { name: string }[]) => ({
    name: names[0] as string,
    members: themes.flatMap(({ name }, index) => (names.slice(1).includes(name) ? [index] : [])),
  });

async function prepare(changesOf: (batch: Batch) => Partial<Outcome> = () => ({}), settings: Partial<Settings> = {}) {
  const run = sampleRun({ settings: { batchRows: 2, rollUp: true, maxBatchTokens: 1_000, insights: true, ...settings } });
  const work = new MemoryStore('work');
  const batches = await planSample(work, run, manyTexts(14));
  const seed = (batch: Batch, changes: Partial<Outcome>) =>
    work.seed(outcomeKey(RUN_ID, batch.level, batch.batchId), JSON.stringify(outcomeOf(batch, { ...changes, ...changesOf(batch) })));
  for (const batch of batches)
    seed(batch, { claims: claims[batch.batchId]!, claimCounts: { claims: 3, claimsDropped: 1, citations: 4, citationsDropped: 2 } });
  if (run.settings.rollUp) {
    const namesOf = [groupOf('Zip quality', 'Zips', 'Zippers'), groupOf('Value', 'Price', 'Cost')];
    const fold = (
      batch: Batch,
      lists: ReturnType<typeof mergeEqualNames>[],
      groups: ((themes: readonly { name: string }[]) => NamedGroup)[],
    ) => {
      const beneath = mergeEqualNames(lists.flat());
      const themes = foldThemes(
        beneath,
        groups.map((group) => group(beneath)),
      );
      seed(batch, { themes: { ...themes, namesKey: null, parent: batch.parent } });
      return themes.themes;
    };
    const [first, second] = work.jsonLines<Batch>(manifestKey(RUN_ID, 1));
    const [root] = work.jsonLines<Batch>(manifestKey(RUN_ID, 2));
    const ofBatches = claims.map(themesOfClaims);
    const one = fold(first!, ofBatches.slice(0, 3), namesOf);
    const two = fold(second!, ofBatches.slice(3, 6), []);
    fold(root!, [one, two, ofBatches[6]!], namesOf);
  }
  const write =
    (attempt = 1) =>
    async (part: string) =>
      writeTables({ run: { ...run, attempt }, part, stopReason: null }, { work });
  const rowsOf = async (table: string, part: string) => {
    const key = stagedTableKey(RUN_ID, table, part);
    return work.keys(key).length > 0 ? parquetRows(work.bytes(key)) : [];
  };
  const writeAll = async (attempt = 1) => {
    for (const part of [partName(0), ...(run.settings.rollUp ? [LEVELS_PART] : [])]) await write(attempt)(part);
    const mentions = await rowsOf('theme_mentions', partName(0));
    const themes = await rowsOf('themes', LEVELS_PART);
    return {
      mentions: mentions.map((row) => [Number(row.row_number), row.theme, row.run_theme]),
      themes: themes.map((row) => [row.theme, ...[row.row_count, row.positive_rows, row.negative_rows].map(Number), row.share]),
    };
  };
  return { work, rowsOf, writeAll };
}

const zips = ['Zip quality', 5, 2, 3, 5 / 14];

test('claims are followed to the root, and rows are counted once for a theme', async () => {
  const { writeAll, rowsOf, work } = await prepare();
  const { mentions, themes } = await writeAll();
  // Rows 0, 1, 2 (twice, as two themes of its batch), 6 and 13; rows 5, 10, 11 and 12.
  expect(themes).toEqual([zips, ['Value', 4, 2, 1, 4 / 14]]);
  expect(mentions.map(([row, , theme]) => [row, theme])).toEqual([
    ...[0, 1, 1, 2, 2].map((row) => [row, 'Zip quality']),
    ...[
      [5, 'Value'],
      [6, 'Zip quality'],
      [10, 'Value'],
      [11, 'Value'],
      [12, 'Value'],
      [13, 'Zip quality'],
    ],
  ]);
  expect((await rowsOf('theme_mentions', partName(0)))[0]).toEqual({
    ...{ run_id: RUN_ID, dataset: 'support', group_key: null, batch_id: 0n, theme: 'Zips', group_theme: null, run_theme: 'Zip quality' },
    ...{ sentiment: 'negative', statement: 'On Zips.', row_number: 0n, quote: 'text 0' },
  });
  expect((await rowsOf('theme_mentions', partName(0)))[1]?.quote).toBeNull();
  expect((await rowsOf('themes', LEVELS_PART))[0]).toMatchObject({
    ...{ group_key: null, example_ids: '["id-0","id-1","id-2","id-6","id-13"]' },
  });
  expect(work.json(receiptKey(RUN_ID, partName(0)))).toMatchObject({
    claimCounts: { claims: 21, claimsDropped: 7, citations: 28, citationsDropped: 14 },
  });
});

test('writing again gives the same bytes', async () => {
  const { writeAll, work } = await prepare();
  const bytes = () => ['theme_mentions/000000', 'themes/levels'].map((name) => work.text(`runs/${RUN_ID}/tables/${name}.parquet`));
  await writeAll();
  const before = bytes();
  await writeAll();
  expect(bytes()).toEqual(before);
});

test('beneath a fold that failed, mentions have no theme of the run; their rows count in the share', async () => {
  const { writeAll } = await prepare(({ level, batchId }) => (level === 1 && batchId === 0 ? { status: 'failed', answer: null } : {}));
  const { mentions, themes } = await writeAll();
  expect(mentions.filter(([row]) => Number(row) < 6).map(([, , theme]) => theme)).toEqual(Array(6).fill(null));
  expect(themes).toEqual([
    ['Value', 3, 2, 1, 3 / 14],
    ['Zip quality', 2, 1, 0, 2 / 14],
  ]);
});

test('folds of an earlier attempt do not count, and without a root there are no themes', async () => {
  const { writeAll } = await prepare();
  const { mentions, themes } = await writeAll(2);
  expect(themes).toEqual([]);
  expect(mentions).toHaveLength(11);
  expect(mentions.every(([, , theme]) => theme === null)).toBe(true);
});

test('claims of a batch that failed do not count, nor do its rows', async () => {
  const { writeAll } = await prepare(({ level, batchId }) => (level === 0 && batchId === 0 ? { status: 'failed', answer: null } : {}));
  const { mentions, themes } = await writeAll();
  expect(mentions.map(([row]) => row)).toEqual([2, 2, 5, 6, 10, 11, 12, 13]);
  expect(themes).toEqual([
    ['Value', 4, 2, 1, 4 / 12],
    ['Zip quality', 3, 1, 1, 3 / 12],
  ]);
});

test('without roll-up there are mentions and no themes; without insights there is neither', async () => {
  const flat = await prepare(() => ({}), { rollUp: false });
  const { mentions, themes } = await flat.writeAll();
  expect([mentions.length, mentions.every(([, , theme]) => theme === null), themes]).toEqual([11, true, []]);
  const plain = await prepare(() => ({}), { insights: false });
  expect(await plain.writeAll()).toEqual({ mentions: [], themes: [] });
  expect(plain.work.json(receiptKey(RUN_ID, partName(0)))).not.toHaveProperty('claimCounts');
});
