import { expect, test } from '@jest/globals';
import { readReceipts } from '../../../functions/finish-run/read-receipts.ts';
import { partName, partsKey, receiptKey } from '../../../functions/shared/object-keys.ts';
import type { Receipt } from '../../../functions/shared/receipt.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RUN_ID, sampleRun } from '../../fakes/sample-run.ts';

const receipt = (part: number): Receipt => ({
  ...{ part: partName(part), rows: { start: part, end: part + 1 }, rowsSummarized: 1, rowsFailed: 0, rowsRejected: 0, rowsSkipped: 0 },
  ...{ firstBatchId: part, batches: 1, batchesFailed: 0, failures: {}, tables: [] },
  ...{ calls: 1, callsByAttempt: {}, inputTokens: 1, outputTokens: 1, costUsd: 0 },
});

function prepare() {
  const work = new MemoryStore('work');
  work.seed(partsKey(RUN_ID), [0, 1, 2].map((part) => `${JSON.stringify({ part: partName(part) })}\n`).join(''));
  for (const part of [0, 1, 2]) work.seed(receiptKey(RUN_ID, partName(part)), JSON.stringify(receipt(part)));
  return work;
}

test('receipts are read side by side and stand in the order of their parts', async () => {
  const work = prepare();
  const { promise: lastIsAskedFor, resolve } = Promise.withResolvers<void>();
  // Nobody gets the first before the last is asked for, too.
  work.before(/receipts\/000000/, () => lastIsAskedFor, { operation: 'get' });
  work.before(/receipts\/000002/, resolve, { operation: 'get' });
  const { parts, levels } = await readReceipts(sampleRun(), work);
  expect([parts.map(({ part }) => part), levels]).toEqual([['000000', '000001', '000002'], null]);
});

test('of several that are missing the first is named', async () => {
  const work = prepare();
  await work.delete([receiptKey(RUN_ID, partName(1)), receiptKey(RUN_ID, partName(2))]);
  await expect(readReceipts(sampleRun(), work)).rejects.toThrow('Part 000001 has no receipt');
});
