import type { Batch, Run } from '../shared/contract.ts';
import { type BatchName, foldShapeOf } from '../shared/fold.ts';
import { lines } from '../shared/json-lines.ts';
import { LEVELS_PART, manifestKey, outcomeKey } from '../shared/object-keys.ts';
import { addPayments, noPayments, readOutcome } from '../shared/outcome.ts';
import { readPlan } from '../shared/plan.ts';
import type { ObjectStore } from '../shared/ports.ts';
import type { LevelsReceipt } from '../shared/receipt.ts';
import { tables } from '../shared/tables.ts';
import { ParquetFile } from './parquet-file.ts';
import { storeTables } from './part-tables.ts';
import { readFates } from './read-fates.ts';
import { batchSummaryRow } from './table-rows.ts';

/** Writes the rows of every fold, made or not. @returns what they add to the run, and where its root is. */
export async function writeLevels(run: Run, stopReason: string | null, work: ObjectStore): Promise<LevelsReceipt> {
  const plan = await readPlan(work, run.runId);
  const shape = foldShapeOf(plan?.counts.batches ?? 0, run.settings);
  const file = new ParquetFile(tables.batch_summaries);
  const sums = { ...noPayments(), folds: 0, foldsIncomplete: 0 };
  let root: BatchName | null = shape.places.length === 1 ? { level: 0, batchId: 0 } : null;

  for (let level = 1; level < shape.places.length; level++) {
    for await (const group of lines(work.stream(manifestKey(run.runId, level)))) {
      const batches = group.map((line) => JSON.parse(line) as Batch);
      for (const fate of await readFates(batches, run, stopReason, work)) {
        const parent = shape.parentOf(fate.batch);
        file.add(batchSummaryRow(run, fate, parent));
        sums.folds++;
        if (fate.status !== 'ok') sums.foldsIncomplete++;
        addPayments(sums, fate.payments);
        if (parent === null && fate.answer) root = fate.batch;
      }
    }
  }

  const hasRoot = root && (root.level > 0 || (await readOutcome(work, run.runId, 0, 0))?.answer);
  return {
    part: LEVELS_PART,
    ...sums,
    levels: shape.places.length,
    rootKey: root && hasRoot ? outcomeKey(run.runId, root.level, root.batchId) : null,
    tables: await storeTables({ batch_summaries: file }, run.runId, LEVELS_PART, work),
  };
}
