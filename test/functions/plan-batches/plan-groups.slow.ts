import { describe, expect, test } from '@jest/globals';
import { type PlanBatchesPorts, planBatches } from '../../../functions/plan-batches/plan-batches.ts';
import { claimAttempt } from '../../../functions/shared/attempt.ts';
import { type Batch, planBatchesOutput, type StagedRow } from '../../../functions/shared/contract.ts';
import { FAN_IN, SORTED_RUN_RECORDS } from '../../../functions/shared/limits.ts';
import { groupsKey, manifestKey, partKey, partsKey, planKey, refusalKey } from '../../../functions/shared/object-keys.ts';
import { planSchema } from '../../../functions/shared/plan.ts';
import type { Settings } from '../../../functions/shared/settings.ts';
import { memoryControl } from '../../../local/memory-control.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RecordingEventSink } from '../../fakes/recording-event-sink.ts';
import { ACCEPTED_AT, RUN_ID, sampleRun } from '../../fakes/sample-run.ts';

const KEY = 'support/july.csv';
const csvOf = (products: readonly string[]) =>
  `id,review,product\n${products.map((product, row) => `${row},review number ${row},${product}\n`).join('')}`;
const times = (rows: number, product: string) => Array<string>(rows).fill(product);

async function open(products: readonly string[], settings: Partial<Settings> = {}, changes: Parameters<typeof sampleRun>[0] = {}) {
  const input = new MemoryStore('input');
  const work = new MemoryStore('work');
  const csv = csvOf(products);
  const source = { bucket: 'input', key: KEY, versionId: input.seed(KEY, csv), bytes: Buffer.byteLength(csv) };
  const run = sampleRun({ source, ...changes, settings: { rollUp: true, groupColumn: 'product', ...settings } });
  await claimAttempt(work, run.runId, { attempt: 1, owner: 'execution', acceptedAt: ACCEPTED_AT, settings: run.settings });
  const events = new RecordingEventSink();
  const ports: PlanBatchesPorts = {
    ...{ input, work, resultsBucket: 'results', control: memoryControl(), events, concurrency: 100, isTimeShort: () => false },
  };
  const plan = (level = 0, continueWithPart: number | null = null) => planBatches({ run, level, continueWithPart }, ports);
  const frozen = () => planSchema.parse(work.json(planKey(RUN_ID)));
  return { work, run, ports, plan, frozen, events };
}

test('the plan counts groups and the folds of every level, and each level has its map', async () => {
  const { plan, frozen, work, events } = await open([...times(250, 'b'), ...times(3, 'c'), ...times(150, 'a')], { batchRows: 1 });
  expect(await plan()).toMatchObject({ next: 'summarize', level: 0, batchesPerFunction: 10 });
  expect(frozen()).toMatchObject({ counts: { groups: 3, batches: 403, largestGroupBatches: 250, parts: 1 }, folds: [2 + 3 + 1, 1 + 1, 1] });
  expect(FAN_IN).toBe(100);
  for (const [index, folds] of frozen().folds.entries()) {
    const level = index + 1;
    expect(await plan(level)).toMatchObject({ next: 'summarize', level, manifest: { key: manifestKey(RUN_ID, level) } });
    const lines = work.jsonLines<Batch>(manifestKey(RUN_ID, level));
    expect(lines.map(({ batchId }) => batchId)).toEqual(Array.from({ length: folds }, (_, batchId) => batchId));
  }
  expect(await plan(4)).toMatchObject({ next: 'write' });
  expect(work.jsonLines<Batch>(manifestKey(RUN_ID, 1)).map(({ groupKey, rows }) => [groupKey, rows])).toEqual([
    ['a', 100],
    ['a', 50],
    ['b', 100],
    ['b', 100],
    ['b', 50],
    ['c', 3],
  ]);
  expect(work.jsonLines<Batch>(manifestKey(RUN_ID, 3))).toMatchObject([{ groupKey: null, rows: 403, firstRow: 0, parent: null }]);
  expect(work.jsonLines(groupsKey(RUN_ID))).toEqual([
    { groupKey: 'a', rows: 150, batches: 150, root: { level: 2, batchId: 0 } },
    { groupKey: 'b', rows: 250, batches: 250, root: { level: 2, batchId: 1 } },
    { groupKey: 'c', rows: 3, batches: 3, root: { level: 1, batchId: 5 } },
  ]);
  expect(JSON.stringify(events.events)).not.toContain('"groupKey"');
});

test('without roll-up the groups are planned, nothing is folded, and their table is still to be written', async () => {
  const { plan, frozen, work } = await open([...times(3, 'b'), 'a'], { batchRows: 2, rollUp: false });
  await plan();
  expect(frozen().folds).toEqual([]);
  expect(work.jsonLines(partsKey(RUN_ID))).toEqual([{ part: '000000' }, { part: 'levels' }]);
  expect(work.jsonLines<{ root: unknown }>(groupsKey(RUN_ID)).map(({ root }) => root)).toEqual([{ level: 0, batchId: 0 }, null]);
});

test('a limit counts rows of the upload, whatever their groups', async () => {
  const { plan, frozen, work } = await open(['b', 'a', 'b', 'a', 'b'], {}, { limit: 3 });
  await plan();
  expect(frozen()).toMatchObject({ counts: { rowsIn: 3, groups: 2 }, notes: ['Only the first 3 rows were read.'] });
  expect(work.jsonLines<StagedRow>(partKey(RUN_ID, 0)).map(({ rowNumber }) => rowNumber)).toEqual([1, 0, 2]);
});

test('the estimate has the calls of all groups', async () => {
  const one = await open(times(100, 'a'));
  await one.plan();
  const many = await open(Array.from({ length: 100 }, (_, row) => `g${row}`));
  await many.plan();
  expect(many.frozen().estimatedCostUsd).toBeGreaterThan(20 * Number(one.frozen().estimatedCostUsd));
});

test('where time is short planning goes on with the next step, through both passes, and ends with the same objects', async () => {
  const products = Array.from({ length: SORTED_RUN_RECORDS + 5 }, (_, row) => `p${row % 3}`);
  const whole = await open(products);
  await whole.plan();
  const { plan, ports, work } = await open(products);
  ports.isTimeShort = () => true;
  const asked: (number | null)[] = [];
  let planned = await plan();
  for (; planned.next === 'plan'; planned = await plan(0, planned.continueWithPart)) {
    expect(planBatchesOutput.parse(planned)).toEqual(planned);
    asked.push(planned.continueWithPart);
  }
  // Two sorted runs, then three parts, and the manifests of these are joined in a call of its own.
  expect(asked).toEqual([1, 2, 3, 4, 5]);
  expect(planned).toMatchObject({ next: 'summarize', continueWithPart: null });
  expect(work.keys()).toEqual(whole.work.keys());
  expect(work.keys().filter((key) => !work.bytes(key).equals(whole.work.bytes(key)))).toEqual([]);
});

describe('the notes', () => {
  const notesOf = async (products: readonly string[], settings: Partial<Settings> = {}) => {
    const { plan, frozen } = await open(products, settings);
    await plan();
    return frozen().notes;
  };

  test('say which rows are a group of their own', async () => {
    expect(await notesOf(['a', '', ' '])).toEqual([
      '2 rows have no value in "product"; they are a group of their own, whose group_key is empty.',
    ]);
    expect(await notesOf(['a', ''])).toEqual(['1 row has no value in "product"; it is a group of its own, whose group_key is empty.']);
  });

  test('say what is left out', async () => {
    expect(await notesOf(['a', 'a', '', 'b'], { minGroupRows: 2 })).toEqual([
      '1 row has no value in "product"; it is a group of its own, whose group_key is empty and which is left out.',
      '2 groups have fewer than 2 rows and are left out (minGroupRows): 2 rows, with status skipped in row_summaries.',
    ]);
  });

  test('say that tiny groups are dear', async () => {
    expect(await notesOf(Array.from({ length: 30 }, (_, row) => `p${row % 15}`))).toEqual([
      'The 15 groups have 2.0 rows on average, and each is a call at least; minGroupRows (--min-group-rows) leaves small groups out.',
    ]);
    expect(await notesOf(['a', 'b'])).toEqual([]);
  });
});

describe('a refusal', () => {
  test.each<[string, readonly string[], Partial<Settings>, string, string]>([
    ['of a column that is not there', ['a'], { groupColumn: 'shop' }, 'unknown_column', 'There is no column "shop"; set groupColumn'],
    ['of the text', ['a'], { groupColumn: 'review' }, 'unknown_column', 'Column "review" is the text'],
    [
      'of groups that are all too small',
      ['a', 'a', 'b'],
      { minGroupRows: 3 },
      'groups_too_small',
      'No group has 3 rows: of the 2 values of "product" the most frequent has 2; set minGroupRows (--min-group-rows) to that or less.',
    ],
    [
      'of keys that are all too long',
      times(2, 'x'.repeat(501)),
      {},
      'group_key_too_long',
      '2 of them have more than 500 characters in "product"',
    ],
  ])('%s says what to do', async (_, products, settings, code, words) => {
    const { plan, work } = await open(products, settings);
    await expect(plan()).rejects.toMatchObject({ name: 'InvalidUploadError', code });
    expect(work.json(refusalKey(RUN_ID))).toMatchObject({ code, reason: expect.stringContaining(words) });
    expect(work.keys(planKey(RUN_ID))).toEqual([]);
  });
});
