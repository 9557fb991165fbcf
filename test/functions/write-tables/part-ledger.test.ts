import { describe, expect, test } from '@jest/globals';
import type { Batch, Rejection } from '../../../functions/shared/contract.ts';
import { partKey, partManifestKey, rejectedKey } from '../../../functions/shared/object-keys.ts';
import type { MemoryStore } from '../../fakes/memory-store.ts';
import { RUN_ID } from '../../fakes/sample-run.ts';
import { ok, prepare, records, write } from './part-bench.ts';

describe('a part whose rows do not add up writes no receipt', () => {
  const changeRows = (change: (lines: string[]) => string[]) => (work: MemoryStore) =>
    work.seed(
      partKey(RUN_ID, 0),
      change(work.text(partKey(RUN_ID, 0)).trimEnd().split('\n'))
        .map((line) => `${line}\n`)
        .join(''),
    );
  const changeRejections = (change: (rejections: Rejection[]) => Rejection[]) => (work: MemoryStore) =>
    work.seed(
      rejectedKey(RUN_ID, 0),
      change(work.jsonLines<Rejection>(rejectedKey(RUN_ID, 0)))
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
    );
  const changeBatches = (change: (batches: Batch[]) => Batch[]) => (work: MemoryStore) =>
    work.seed(
      partManifestKey(RUN_ID, 0),
      change(work.jsonLines<Batch>(partManifestKey(RUN_ID, 0)))
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
    );
  const ledgerError = { name: 'LedgerError', code: 'row_numbers_broken' };
  const differ = { name: 'InvalidBatchError', code: 'staged_rows_differ' };

  test.each([
    ['a row is missing', changeRows((lines) => lines.toSpliced(3, 1)), ledgerError],
    ['a row is doubled', changeRows((lines) => lines.toSpliced(3, 0, lines[3] as string)), ledgerError],
    ['rows are in another order', changeRows(([first, second, ...lines]) => [second as string, first as string, ...lines]), undefined],
    ['the last row is missing', changeRows((lines) => lines.slice(0, -1)), differ],
    ['a rejection is missing', changeRejections((rejections) => rejections.slice(1)), ledgerError],
    ['a rejection is doubled', changeRejections(([first, ...rest]) => [first as Rejection, first as Rejection, ...rest]), ledgerError],
    [
      'a row is rejected too',
      changeRejections((rejections) => rejections.map((one, index) => (index ? { ...one, rowNumber: 4 } : one))),
      ledgerError,
    ],
    [
      'a batch counts a row more',
      changeBatches((batches) => batches.map((one) => ({ ...one, rows: one.batchId === 1 ? 3 : one.rows }))),
      differ,
    ],
    [
      'a batch counts a row less',
      changeBatches((batches) => batches.map((one) => ({ ...one, rows: one.batchId === 1 ? 1 : one.rows }))),
      differ,
    ],
    ['a batch starts at another row', changeBatches((batches) => batches.map((one) => ({ ...one, firstRow: one.firstRow + 1 }))), differ],
    ['a batch is missing', changeBatches((batches) => batches.slice(0, -1)), differ],
    ['there is no batch', changeBatches(() => []), differ],
    ['there is a batch more', changeBatches((batches) => [...batches, { ...(batches[0] as Batch), batchId: 9, firstRow: 7 }]), differ],
  ])('%s', async (_, damage, error) => {
    const work = await prepare({ records, outcomes: [ok(0), ok(1), ok(2)] });
    damage(work);
    await expect(write(work)).rejects.toMatchObject(error ?? { name: expect.stringMatching(/LedgerError|InvalidBatchError/) });
    expect(work.writtenKeys).toEqual([]);
  });
});
