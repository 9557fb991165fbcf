import { batchSchema, type Run } from '../shared/contract.ts';
import { LedgerError } from '../shared/errors.ts';
import type { BatchName } from '../shared/fold.ts';
import { lines } from '../shared/json-lines.ts';
import { LEVELS_PART, manifestKey, outcomeKey } from '../shared/object-keys.ts';
import { addPayments, noPayments, readOutcome } from '../shared/outcome.ts';
import type { ObjectStore } from '../shared/ports.ts';
import type { LevelsReceipt } from '../shared/receipt.ts';
import { tables } from '../shared/tables.ts';
import { ParquetFile } from './parquet-file.ts';
import { storeTables } from './part-tables.ts';
import { readFates } from './read-fates.ts';
import { readFoldShape } from './read-fold-shape.ts';
import { PartExcerpt } from './report-excerpt.ts';
import { requirePlan } from './require-plan.ts';
import { batchSummaryRow } from './table-rows.ts';

/**
 * Writes the rows of every fold, made or not. @returns what they add to the run, and where its root is.
 * @throws LedgerError: a fold that was planned is missing, or stands twice.
 */
export async function writeLevels(run: Run, stopReason: string | null, work: ObjectStore): Promise<LevelsReceipt> {
  const shape = await readFoldShape(run, work);
  const file = new ParquetFile(tables.batch_summaries);
  const excerpt = new PartExcerpt(run, LEVELS_PART, await requirePlan(run, work));
  excerpt.watch({ batch_summaries: file });
  const sums = { ...noPayments(), folds: 0, foldsIncomplete: 0 };
  let root: BatchName | null = shape.places.length === 1 ? { level: 0, batchId: 0 } : null;

  for (let level = 1; level < shape.places.length; level++) {
    let made = 0;
    for await (const group of lines(work.stream(manifestKey(run.runId, level)))) {
      const batches = group.map((line) => batchSchema.parse(JSON.parse(line)));
      for (const batch of batches) {
        if (batch.level !== level || batch.batchId !== made++)
          throw new LedgerError(`The folds of level ${level} are not numbered through`, { code: 'folds_missing_or_doubled' });
      }
      for (const fate of await readFates(batches, run, stopReason, work)) {
        const parent = shape.parentOf(fate.batch);
        file.add(batchSummaryRow(run, fate, parent));
        sums.folds++;
        if (fate.status !== 'ok') sums.foldsIncomplete++;
        addPayments(sums, fate.payments);
        if (parent === null && fate.answer) root = fate.batch;
      }
    }
    if (made !== shape.folds(level))
      throw new LedgerError(`Level ${level} has ${made} folds, not ${shape.folds(level)}`, { code: 'folds_missing_or_doubled' });
  }

  await excerpt.store(work);
  const hasRoot = root && (root.level > 0 || (await readOutcome(work, run.runId, 0, 0))?.answer);
  return {
    part: LEVELS_PART,
    ...sums,
    levels: shape.places.length,
    rootKey: root && hasRoot ? outcomeKey(run.runId, root.level, root.batchId) : null,
    tables: await storeTables({ batch_summaries: file }, run.runId, LEVELS_PART, work),
  };
}
