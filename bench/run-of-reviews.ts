import { statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import pLimit from 'p-limit';
import { joinManifest } from '../functions/plan-batches/join-manifest.ts';
import { openPinned } from '../functions/plan-batches/open-pinned.ts';
import { planLevels } from '../functions/plan-batches/plan-levels.ts';
import { stageGroups } from '../functions/plan-batches/stage-groups.ts';
import { stageRows } from '../functions/plan-batches/stage-rows.ts';
import type { Batch, Run } from '../functions/shared/contract.ts';
import { jsonLines } from '../functions/shared/json-lines.ts';
import { manifestKey, outcomeKey, partsKey, planKey } from '../functions/shared/object-keys.ts';
import type { Outcome } from '../functions/shared/outcome.ts';
import type { Plan, PlanCounts } from '../functions/shared/plan.ts';
import type { ObjectStore } from '../functions/shared/ports.ts';
import { defaultSettings, type Settings } from '../functions/shared/settings.ts';
import { directoryStore } from '../local/directory-store.ts';

/** The one run of a benchmark's folder, which holds its work objects. */
export const benchRun = (settings: Partial<Settings> = {}): Run => ({
  ...{ runId: 'bench', attempt: 1, dataset: 'bench', limit: null, endpoint: 'offline' },
  source: { bucket: 'input', key: 'reviews.csv', versionId: '1', bytes: 1 },
  settings: { ...defaultSettings, ...settings },
});

export const STARTED_AT = '2026-11-26T00:00:00.000Z';

/** Stages the rows of a file, as the planner does. */
export async function stageFile(path: string, run: Run, work: ObjectStore): Promise<PlanCounts> {
  const input = directoryStore(dirname(path), 'input');
  const key = basename(path);
  const { versionId = '' } = (await input.head(key)) ?? {};
  const pinned: Run = { ...run, source: { bucket: 'input', key, versionId, bytes: statSync(path).size } };
  const upload = await openPinned(pinned, input, work);
  const stage = upload.groupColumns === null ? stageRows : stageGroups;
  return (await stage(upload, pinned, work, null, () => false)).counts;
}

/** Joins the manifest and plans all levels, as the planner does once the rows are staged, and freezes the plan. */
export async function planStaged(run: Run, counts: PlanCounts, work: ObjectStore): Promise<Plan> {
  await joinManifest(work, run, counts);
  const { folds } = await planLevels(run, counts, work);
  const { runId, dataset, source, endpoint, limit, settings } = run;
  const plan: Plan = {
    ...{ runId, dataset, source, endpoint, limit, date: STARTED_AT.slice(0, 10), startedAt: STARTED_AT, settings },
    ...{ format: 'csv', textColumn: 'review', idColumn: 'id', notes: [], counts, folds, estimatedCostUsd: 0 },
  };
  await work.put(planKey(runId), JSON.stringify(plan));
  return plan;
}

/** What a batch came to: a summary of a thousand characters, and what it cost. */
export const outcomeOf = ({ batchId, level }: Pick<Batch, 'batchId' | 'level'>): Outcome => ({
  ...{
    batchId,
    level,
    attempt: 1,
    tries: 1,
    status: 'ok',
    error: null,
    failedRows: [],
    rowsFailed: 0,
    fromCache: false,
    promptVersion: '1',
  },
  contentKey: join('summaries', `${level}-${batchId}`),
  payments: [{ answerId: `${level}-${batchId}`, attempt: 1, calls: 1, inputTokens: 4_000, outputTokens: 200, costUsd: 0.0005 }],
  answer: {
    text: `Summary ${level} ${batchId}. ${'Customers praise the battery and regret the dim screen. '.repeat(18)}`,
    ...{ finishReason: 'stop', model: 'bench', serviceTier: null, latencyMs: 900, createdAt: STARTED_AT },
  },
});

const PUTS_IN_FLIGHT = 32;

/** Gives each batch of all levels its outcome. */
export async function writeOutcomes({ runId, folds }: Plan, work: ObjectStore): Promise<void> {
  const limit = pLimit(PUTS_IN_FLIGHT);
  for (let level = 0; level <= folds.length; level++) {
    const puts: Promise<void>[] = [];
    for await (const batch of jsonLines<Batch>(work.stream(manifestKey(runId, level)))) {
      puts.push(limit(() => work.put(outcomeKey(runId, level, batch.batchId), JSON.stringify(outcomeOf(batch)))));
    }
    await Promise.all(puts);
  }
}

/** Names of the parts whose tables are to be written, the one of the levels among them. */
export async function partNames({ runId }: Run, work: ObjectStore): Promise<string[]> {
  const names: string[] = [];
  for await (const { part } of jsonLines<{ part: string }>(work.stream(partsKey(runId)))) names.push(part);
  return names;
}

/** The lines of a manifest. */
export async function manifestLines(key: string, work: ObjectStore): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of jsonLines<Batch>(work.stream(key))) batches.push(batch);
  return batches;
}

/** Settings of a benchmark's run as a program's argument. */
export const settingsOf = (argument: string | undefined): Partial<Settings> => JSON.parse(argument ?? '{}') as Partial<Settings>;

/** Where a simulated planner leaves the counts of the parts that it has staged. */
export const COUNTS_KEY = 'counts.json';
