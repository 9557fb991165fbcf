import { type Batch, batchSchema, type Run } from '../shared/contract.ts';
import { LedgerError } from '../shared/errors.ts';
import type { BatchName } from '../shared/fold.ts';
import { jsonLines } from '../shared/json-lines.ts';
import { LEVELS_PART, manifestKey, outcomeKey } from '../shared/object-keys.ts';
import { addPayments, noPayments, readOutcome } from '../shared/outcome.ts';
import type { Plan } from '../shared/plan.ts';
import type { ObjectStore } from '../shared/ports.ts';
import { readAhead } from '../shared/read-ahead.ts';
import type { LevelsReceipt } from '../shared/receipt.ts';
import { tables } from '../shared/tables.ts';
import type { BatchFate } from './batch-fate.ts';
import { GroupRows } from './group-rows.ts';
import { ParquetFile } from './parquet-file.ts';
import { needsSums, sumOf } from './part-sums.ts';
import { storeTables } from './part-tables.ts';
import { readFate } from './read-fates.ts';
import { readSums } from './read-sums.ts';
import { PartExcerpt } from './report-excerpt.ts';
import { requirePlan } from './require-plan.ts';
import { batchSummaryRow } from './table-rows.ts';
import { ThemesFile } from './themes-file.ts';

/** Outcomes of folds that are read at once: one function reads those of all, and of many groups there may be half a million. */
export const READS_IN_FLIGHT = 128;

/**
 * Writes the rows of every fold, made or not, and of every group. @returns what they add to the run, and where its root is.
 * @throws LedgerError: a fold or a group that was planned is missing, or stands twice.
 */
export async function writeLevels(run: Run, stopReason: string | null, work: ObjectStore): Promise<LevelsReceipt> {
  const plan = await requirePlan(run, work);
  const { counts, folds, settings } = plan;
  const file = new ParquetFile(tables.batch_summaries);
  const groups = counts.groups === null ? null : new GroupRows(run, plan, work);
  const themes = settings.insights && settings.rollUp ? new ThemesFile(run) : null;
  const excerpt = new PartExcerpt(run, LEVELS_PART, plan);
  excerpt.watch({ batch_summaries: file, group_summaries: groups?.file, themes: themes?.file });
  const sums = { ...noPayments(), folds: 0, foldsIncomplete: 0 };
  let root: BatchName | null = settings.rollUp && folds.length === 0 ? { level: 0, batchId: 0 } : null;

  if (needsSums(plan)) await addLevel0({ groups, themes }, run, plan, stopReason, work);
  themes?.end();
  for (const [index, planned] of folds.entries()) {
    groups?.startLevel();
    for await (const fate of fatesOfLevel(index + 1, planned, run, stopReason, work)) {
      file.add(batchSummaryRow(run, fate));
      sums.folds++;
      if (fate.status !== 'ok') sums.foldsIncomplete++;
      addPayments(sums, fate.payments);
      if (fate.batch.parent === null && fate.answer) root = fate.batch;
      if (fate.batch.groupKey !== null) await groups?.add(fate.batch.level, sumOf(fate, fate.batch.groupKey));
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

/** Adds what the batches of level 0 come to, part by part. @throws LedgerError: they are not those that were planned. */
async function addLevel0(
  { groups, themes }: { groups: GroupRows | null; themes: ThemesFile | null },
  run: Run,
  plan: Plan,
  stopReason: string | null,
  work: ObjectStore,
): Promise<void> {
  let seen = 0;
  groups?.startLevel();
  for await (const { part, groups: ofPart } of readSums(run, plan, stopReason, work)) {
    if (part.batches > 0 && part.firstBatchId !== seen) throw notNumbered(0);
    seen += part.batches;
    themes?.addPart(part);
    for await (const group of ofPart) {
      await groups?.add(0, group);
      themes?.addGroup(group);
    }
  }
  requireAll(0, seen, plan.counts.batches);
}

/** What became of the folds of a level, in their order. @throws LedgerError: they are not those that were planned. */
async function* fatesOfLevel(
  level: number,
  planned: number,
  run: Run,
  stopReason: string | null,
  work: ObjectStore,
): AsyncGenerator<BatchFate> {
  let seen = 0;
  async function* folds(): AsyncGenerator<Batch> {
    for await (const line of jsonLines(work.stream(manifestKey(run.runId, level)))) {
      const fold = batchSchema.parse(line);
      if (fold.level !== level || fold.batchId !== seen++) throw notNumbered(level);
      yield fold;
    }
  }
  yield* readAhead(folds(), READS_IN_FLIGHT, (fold) => readFate(fold, run, stopReason, work));
  requireAll(level, seen, planned);
}

const notNumbered = (level: number) =>
  new LedgerError(`The batches of level ${level} are not numbered through`, { code: 'folds_missing_or_doubled' });

function requireAll(level: number, seen: number, planned: number) {
  if (seen !== planned) throw new LedgerError(`Level ${level} has ${seen} batches, not ${planned}`, { code: 'folds_missing_or_doubled' });
}
