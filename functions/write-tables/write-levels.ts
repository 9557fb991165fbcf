import { batchSchema, type Run } from '../shared/contract.ts';
import { LedgerError } from '../shared/errors.ts';
import type { BatchName } from '../shared/fold.ts';
import { lines } from '../shared/json-lines.ts';
import { LEVELS_PART, manifestKey, outcomeKey } from '../shared/object-keys.ts';
import { addPayments, noPayments, readOutcome } from '../shared/outcome.ts';
import type { ObjectStore } from '../shared/ports.ts';
import type { LevelsReceipt } from '../shared/receipt.ts';
import { tables } from '../shared/tables.ts';
import type { BatchFate } from './batch-fate.ts';
import { GroupRows } from './group-rows.ts';
import { ParquetFile } from './parquet-file.ts';
import { storeTables } from './part-tables.ts';
import { readFates } from './read-fates.ts';
import { PartExcerpt } from './report-excerpt.ts';
import { requirePlan } from './require-plan.ts';
import { batchSummaryRow } from './table-rows.ts';
import { ThemesFile } from './themes-file.ts';

/**
 * Writes the rows of every fold, made or not, and of every group. @returns what they add to the run, and where its root is.
 * @throws LedgerError: a fold or a group that was planned is missing, or stands twice.
 */
export async function writeLevels(run: Run, stopReason: string | null, work: ObjectStore): Promise<LevelsReceipt> {
  const plan = await requirePlan(run, work);
  const { counts, folds, settings } = plan;
  const file = new ParquetFile(tables.batch_summaries);
  const groups = counts.groups === null ? null : new GroupRows(run, plan, work);
  const themes = settings.insights && settings.rollUp ? new ThemesFile(run, plan, work) : null;
  const excerpt = new PartExcerpt(run, LEVELS_PART, plan);
  excerpt.watch({ batch_summaries: file, group_summaries: groups?.file, themes: themes?.file });
  const sums = { ...noPayments(), folds: 0, foldsIncomplete: 0 };
  let root: BatchName | null = settings.rollUp && folds.length === 0 ? { level: 0, batchId: 0 } : null;

  groups?.startLevel();
  if (groups || themes) {
    for await (const fate of fatesOfLevel(0, counts.batches, run, stopReason, work)) {
      await groups?.add(fate);
      await themes?.add(fate);
    }
  }
  themes?.end();
  for (const [index, planned] of folds.entries()) {
    groups?.startLevel();
    for await (const fate of fatesOfLevel(index + 1, planned, run, stopReason, work)) {
      file.add(batchSummaryRow(run, fate));
      sums.folds++;
      if (fate.status !== 'ok') sums.foldsIncomplete++;
      addPayments(sums, fate.payments);
      if (fate.batch.parent === null && fate.answer) root = fate.batch;
      await groups?.add(fate);
    }
  }

  await excerpt.store(work);
  const hasRoot = root && (root.level > 0 || (await readOutcome(work, run.runId, 0, 0))?.answer);
  const files = { batch_summaries: file, ...(groups && { group_summaries: groups.file }), ...(themes && { themes: themes.file }) };
  return {
    part: LEVELS_PART,
    ...sums,
    levels: folds.length + 1,
    rootKey: root && hasRoot ? outcomeKey(run.runId, root.level, root.batchId) : null,
    groups: groups && { count: groups.file.rows, rows: groups.rowCount },
    tables: await storeTables(files, run.runId, LEVELS_PART, work),
  };
}

/** What became of the batches of a level, in their order. @throws LedgerError: they are not those that were planned. */
async function* fatesOfLevel(
  level: number,
  planned: number,
  run: Run,
  stopReason: string | null,
  work: ObjectStore,
): AsyncGenerator<BatchFate> {
  let seen = 0;
  for await (const group of lines(work.stream(manifestKey(run.runId, level)))) {
    const batches = group.map((line) => batchSchema.parse(JSON.parse(line)));
    for (const batch of batches) {
      if (batch.level !== level || batch.batchId !== seen++)
        throw new LedgerError(`The batches of level ${level} are not numbered through`, { code: 'folds_missing_or_doubled' });
    }
    yield* await readFates(batches, run, stopReason, work);
  }
  if (seen !== planned) throw new LedgerError(`Level ${level} has ${seen} batches, not ${planned}`, { code: 'folds_missing_or_doubled' });
}
