import { describe, expect, test } from '@jest/globals';
import { planBatchesOutput, type Rejection, type StagedRow } from '../../../functions/shared/contract.ts';
import { manifestKey, partKey, planKey, rejectedKey } from '../../../functions/shared/object-keys.ts';
import { RUN_ID } from '../../fakes/sample-run.ts';
import { csvPart, FOLDER, folderOf, spark } from './folder-bench.ts';

describe('a planned folder', () => {
  test('has one manifest over all parts, and notes that say what it was', async () => {
    const { plan, work } = await folderOf(spark, { batchRows: 4 });
    expect(planBatchesOutput.parse(await plan())).toMatchObject({ next: 'summarize', run: { source: { key: FOLDER, parts: 4 } } });
    expect(work.jsonLines(manifestKey(RUN_ID, 0))).toMatchObject([
      { firstRow: 0, rows: 4 },
      { firstRow: 4, rows: 4 },
      { firstRow: 8, rows: 1 },
    ]);
    expect(work.json(planKey(RUN_ID))).toMatchObject({
      format: 'csv',
      counts: { rowsIn: 9 },
      notes: ['The upload is a folder of 4 part files.'],
    });
  });

  test('says of a rejection in which part it is', async () => {
    const { plan, work } = await folderOf({ 'a.csv': csvPart(0, 1), 'b.csv': 'id,review\n1,\n' });
    await plan();
    expect(work.jsonLines<Rejection>(rejectedKey(RUN_ID, 0))).toEqual([
      { rowNumber: 1, part: 'b.csv', line: 2, reason: 'empty_text', raw: '1,' },
    ]);
  });

  test('is read up to the limit, across its parts', async () => {
    const { plan, work } = await folderOf(spark);
    await plan({ limit: 7 });
    expect(work.jsonLines<StagedRow>(partKey(RUN_ID, 0)).map(({ id }) => id)).toEqual(['r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6']);
  });

  test('comes out the same when planning stops after every staged part', async () => {
    const files = Object.fromEntries(Array.from({ length: 5 }, (_, part) => [`part-${part}.csv`, csvPart(part * 50_000, 50_000)]));
    const whole = await folderOf(files);
    await whole.plan();
    const pieces = await folderOf(files);
    let calls = 1;
    let planned = await pieces.plan({}, null, true);
    for (; planned.next === 'plan'; calls++) planned = await pieces.plan({}, planned.continueWithPart, true);
    // Three parts, and the join.
    expect(calls).toBe(4);
    expect(pieces.work.keys()).toEqual(whole.work.keys());
    for (const key of whole.work.keys()) expect(pieces.work.bytes(key).equals(whole.work.bytes(key))).toBe(true);
  });
});
