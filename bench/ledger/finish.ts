import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { finishRun } from '../../functions/finish-run/finish-run.ts';
import { readReceipts } from '../../functions/finish-run/read-receipts.ts';
import { closeLedger } from '../../functions/finish-run/row-ledger.ts';
import { closeBatches, sumsOf } from '../../functions/finish-run/run-ledger.ts';
import { systemClock } from '../../functions/shared/clock.ts';
import { noMetrics } from '../../functions/shared/metrics.ts';
import { excerptKey, planKey, receiptKey, stagedTablesPrefix } from '../../functions/shared/object-keys.ts';
import { readPlan } from '../../functions/shared/plan.ts';
import { directoryStore } from '../../local/directory-store.ts';
import { benchRun, partNames, settingsOf } from '../run-of-reviews.ts';

/** Finishes a run whose tables are written: `finish` as the step does it, `ledger` the proof alone, `read` the same files with nothing checked. */
const [what, out = '', target = '', settings] = process.argv.slice(2);
const work = directoryStore(out, 'work');
const results = directoryStore(target, 'results');
const run = benchRun(settingsOf(settings));
const started = performance.now();

if (what === 'finish') {
  const log = { info() {}, warn: (message: string) => process.stderr.write(`${message}\n`) };
  const ports = { work, results, events: { async publish() {} }, clock: systemClock, log, metrics: noMetrics };
  const { status, stopReason } = await finishRun({ run, stopReason: null, failure: null }, ports);
  if (status !== 'complete') throw new Error(`The run ended ${status}: ${stopReason}`);
} else if (what === 'ledger') {
  const plan = await readPlan(work, run.runId);
  if (!plan) throw new Error('There is no plan');
  const { parts, levels } = await readReceipts(run, work);
  closeLedger(parts, plan.counts.rowsIn, plan.counts.groups !== null);
  closeBatches(parts, levels, plan);
  sumsOf(parts, levels, run.attempt);
} else {
  readFileSync(join(out, planKey(run.runId)));
  const limit = pLimit(32);
  const parts = await partNames(run, work);
  await Promise.all(parts.flatMap((part) => [receiptKey, excerptKey].map((keyOf) => limit(() => work.get(keyOf(run.runId, part))))));
  const copies: Promise<void>[] = [];
  for await (const { key } of work.list(stagedTablesPrefix(run.runId))) copies.push(limit(() => results.copy(work, key, key)));
  await Promise.all(copies);
}
process.stdout.write(`${JSON.stringify({ seconds: (performance.now() - started) / 1000 })}\n`);
