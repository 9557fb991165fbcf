import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { joinManifest } from '../functions/plan-batches/join-manifest.ts';
import { openUpload } from '../functions/plan-batches/open-upload.ts';
import { planLevels } from '../functions/plan-batches/plan-levels.ts';
import { stageRows } from '../functions/plan-batches/stage-rows.ts';
import type { Batch, Run } from '../functions/shared/contract.ts';
import { jsonLines } from '../functions/shared/json-lines.ts';
import { manifestKey, outcomeKey, partsKey, planKey } from '../functions/shared/object-keys.ts';
import type { Outcome } from '../functions/shared/outcome.ts';
import type { Plan } from '../functions/shared/plan.ts';
import { defaultSettings } from '../functions/shared/settings.ts';
import { writeTables } from '../functions/write-tables/write-tables.ts';
import { directoryStore } from '../local/directory-store.ts';

/** One step in a process of its own: `prepare PATH` plans a file and gives each batch an outcome, `write N` writes all parts, N at once. */
const [step, out, argument] = process.argv.slice(2) as ['prepare' | 'write', string, string];
const runId = 'bench';
const work = directoryStore(out, 'work');
const source = { bucket: 'input', key: 'reviews.csv', versionId: '1', bytes: 1 };
const settings = defaultSettings;
const run: Run = { runId, attempt: 1, dataset: 'bench', source, limit: null, endpoint: 'offline', settings };
const startedAt = '2026-11-26T00:00:00.000Z';

if (step === 'prepare') {
  const open = (start: number) => createReadStream(argument, { start, highWaterMark: 1024 * 1024 });
  const upload = await openUpload({ name: argument, bytes: Number.MAX_SAFE_INTEGER, open }, settings);
  const { counts } = await stageRows(upload, run, work, null, () => false);
  await joinManifest(work, run, counts);
  const { folds } = await planLevels(run, counts, work);
  const plan: Plan = {
    ...{ runId, dataset: 'bench', source, endpoint: 'offline', limit: null, date: startedAt.slice(0, 10), startedAt, settings },
    ...{ format: 'csv', textColumn: 'review', idColumn: 'id', notes: [], counts, folds, estimatedCostUsd: 0 },
  };
  await work.put(planKey(runId), JSON.stringify(plan));
  const limit = pLimit(32);
  for (let level = 0; level <= folds.length; level++) {
    const batches: Batch[] = [];
    for await (const batch of jsonLines<Batch>(work.stream(manifestKey(runId, level)))) batches.push(batch);
    await Promise.all(
      batches.map((batch) => limit(() => work.put(outcomeKey(runId, level, batch.batchId), JSON.stringify(outcomeOf(batch))))),
    );
  }
} else {
  const parts: string[] = [];
  for await (const { part } of jsonLines<{ part: string }>(work.stream(partsKey(runId)))) parts.push(part);
  const started = performance.now();
  const limit = pLimit(Number(argument));
  await Promise.all(parts.map((part) => limit(() => writeTables({ run, part, stopReason: null }, { work }))));
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(JSON.stringify({ parts: parts.length, seconds, residentMb: process.resourceUsage().maxRSS / 1024 }));
}

function outcomeOf({ batchId, level }: Batch): Outcome {
  return {
    ...{ batchId, level, attempt: 1, tries: 1, status: 'ok', error: null, failedRows: [], rowsFailed: 0, payments: [] },
    ...{ fromCache: false, promptVersion: '1', contentKey: join('summaries', `${level}-${batchId}`) },
    answer: {
      ...{
        text: `Summary ${level} ${batchId}. ${'Customers praise the battery and regret the dim screen. '.repeat(18)}`,
        finishReason: 'stop',
      },
      ...{ model: 'bench', serviceTier: null, latencyMs: 900, createdAt: startedAt },
    },
  };
}
