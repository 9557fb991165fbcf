import pLimit from 'p-limit';
import { LineWriter } from '../../functions/plan-batches/line-writer.ts';
import { noCounts } from '../../functions/plan-batches/stage-rows.ts';
import type { Batch } from '../../functions/shared/contract.ts';
import { jsonLines, parseJson } from '../../functions/shared/json-lines.ts';
import { PART_ROWS, REPORT_BATCHES } from '../../functions/shared/limits.ts';
import {
  excerptKey,
  LEVELS_PART,
  manifestKey,
  outcomeKey,
  partKey,
  partName,
  planKey,
  receiptKey,
  rejectedKey,
  stagedManifestKey,
  stagedTableKey,
} from '../../functions/shared/object-keys.ts';
import type { PlanCounts } from '../../functions/shared/plan.ts';
import { readPlan } from '../../functions/shared/plan.ts';
import type { ObjectStore } from '../../functions/shared/ports.ts';
import type { LevelsReceipt, Receipt } from '../../functions/shared/receipt.ts';
import type { ReportExcerpt } from '../../functions/shared/report-excerpt.ts';
import { rowSetText } from '../../functions/shared/row-set.ts';
import { directoryStore } from '../../local/directory-store.ts';
import { benchRun, COUNTS_KEY, manifestLines, outcomeOf, settingsOf } from '../run-of-reviews.ts';

/**
 * Prepares a run of so many parts of which only the first is staged: it comes from a small run that was planned, the other parts have manifests
 * alone. `manifests` is what a planner leaves before it joins them, `outcomes` what is summarized above level 0, `receipts` what write-tables leaves.
 */
const [what, out = '', parts = '1', small = '', settings] = process.argv.slice(2);
const run = benchRun(settingsOf(settings));
const { runId } = run;
const work = directoryStore(out, 'work');
const partCount = Number(parts);
const batchRows = run.settings.batchRows;
const batchesOfPart = PART_ROWS / batchRows;
const limit = pLimit(32);

const steps: Record<string, () => Promise<void>> = { manifests, outcomes, receipts, sets };
const step = steps[what ?? ''];
if (!step) throw new Error(`There is no step ${what}`);
await step();

async function read<Value>(store: ObjectStore, key: string): Promise<Value> {
  const bytes = await store.get(key);
  if (!bytes) throw new Error(`There is no ${key}`);
  return parseJson(bytes) as Value;
}

async function manifests(): Promise<void> {
  const from = directoryStore(small, 'work');
  const ofSmall = await manifestLines(stagedManifestKey(runId, 0), from);
  for (const keyOf of [partKey, stagedManifestKey, rejectedKey]) await work.copy(from, keyOf(runId, 0), keyOf(runId, 0));
  await Promise.all(
    ofSmall.map(({ batchId }) => limit(() => work.put(outcomeKey(runId, 0, batchId), JSON.stringify(outcomeOf({ level: 0, batchId }))))),
  );
  const bytes = Math.round(ofSmall.reduce((sum, { start, end }) => sum + end - start, 0) / ofSmall.length);
  let counts: PlanCounts = {
    ...noCounts,
    parts: partCount,
    rowsIn: ofSmall.reduce((rows, batch) => rows + batch.rows, 0),
    batches: ofSmall.length,
  };
  for (let part = 1; part < partCount; part++) {
    const lines = new LineWriter(work, stagedManifestKey(runId, part));
    for (let place = 0; place < batchesOfPart; place++) {
      const batch: Omit<Batch, 'parent'> = {
        ...{
          batchId: counts.batches + place,
          level: 0,
          groupKey: null,
          partKey: partKey(runId, part),
          start: place * bytes,
          end: (place + 1) * bytes,
        },
        ...{ firstRow: counts.rowsIn + place * batchRows, rows: batchRows, tokensEstimate: ofSmall[0]?.tokensEstimate ?? 0 },
      };
      lines.add(JSON.stringify(batch));
    }
    await lines.close();
    counts = { ...counts, rowsIn: counts.rowsIn + PART_ROWS, batches: counts.batches + batchesOfPart };
  }
  await work.put(COUNTS_KEY, JSON.stringify({ ...counts, rowsStaged: counts.rowsIn, largestGroupBatches: counts.batches }));
}

async function outcomes(): Promise<void> {
  const plan = await readPlan(work, runId);
  for (let level = 1; level <= (plan?.folds.length ?? 0); level++) {
    const puts: Promise<void>[] = [];
    for await (const { batchId } of jsonLines<Batch>(work.stream(manifestKey(runId, level)))) {
      puts.push(limit(() => work.put(outcomeKey(runId, level, batchId), JSON.stringify(outcomeOf({ level, batchId })))));
    }
    await Promise.all(puts);
  }
}

/** Receipts and excerpts of the parts after the first, which was written; their tables are empty files, since finish-run only copies them. */
async function receipts(): Promise<void> {
  const first = await read<Receipt>(work, receiptKey(runId, partName(0)));
  const excerpt = await read<ReportExcerpt>(work, excerptKey(runId, partName(0)));
  let rows = first.rowsSummarized;
  let batches = first.batches;
  for (let part = 1; part < partCount; part++) {
    const name = partName(part);
    const firstBatchId = batches;
    const receipt: Receipt = {
      ...{
        ...first,
        part: name,
        rows: { start: rows, end: rows + PART_ROWS },
        rowsSummarized: PART_ROWS,
        firstBatchId,
        batches: batchesOfPart,
      },
      ...{ calls: batchesOfPart, callsByAttempt: { 1: batchesOfPart } },
    };
    const shown = excerpt.batches
      .map((batch) => ({ ...batch, batch: batch.batch + firstBatchId }))
      .filter(({ batch }) => batch < REPORT_BATCHES);
    await Promise.all([
      work.put(receiptKey(runId, name), JSON.stringify(receipt)),
      work.put(excerptKey(runId, name), JSON.stringify({ ...excerpt, part: name, batches: shown })),
      ...first.tables.map((table) => work.put(stagedTableKey(runId, table, name), '')),
    ]);
    rows += PART_ROWS;
    batches += batchesOfPart;
  }
}

/** The receipts once more, as those of a grouped run: the rows of a part lie anywhere in the upload. */
async function sets(): Promise<void> {
  const plan = await readPlan(work, runId);
  const levels = await read<LevelsReceipt>(work, receiptKey(runId, LEVELS_PART));
  if (!plan) throw new Error('There is no plan');
  const groups = { count: partCount, rows: plan.counts.rowsStaged };
  await work.put(receiptKey(runId, LEVELS_PART), JSON.stringify({ ...levels, groups }));
  await work.put(planKey(runId), JSON.stringify({ ...plan, counts: { ...plan.counts, groups: partCount } }));
  for (let part = 0; part < partCount; part++) {
    const receipt = await read<Receipt>(work, receiptKey(runId, partName(part)));
    const ascending = new Float64Array(Math.ceil((plan.counts.rowsIn - part) / partCount));
    for (let index = 0; index < ascending.length; index++) ascending[index] = part + index * partCount;
    const rows = { count: ascending.length, set: rowSetText(ascending) };
    await work.put(receiptKey(runId, partName(part)), JSON.stringify({ ...receipt, rows, rowsSummarized: rows.count }));
  }
}
