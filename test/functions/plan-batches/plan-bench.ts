import { type PlanBatchesPorts, planBatches } from '../../../functions/plan-batches/plan-batches.ts';
import { claimAttempt } from '../../../functions/shared/attempt.ts';
import type { Run } from '../../../functions/shared/contract.ts';
import { planKey } from '../../../functions/shared/object-keys.ts';
import { planSchema } from '../../../functions/shared/plan.ts';
import { memoryControl } from '../../../local/memory-control.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RecordingEventSink } from '../../fakes/recording-event-sink.ts';
import { ACCEPTED_AT, RUN_ID, sampleRun } from '../../fakes/sample-run.ts';

export const KEY = 'support/july.csv';

export const csvOf = (rows: number) =>
  ['id,review,stars', ...Array.from({ length: rows }, (_, row) => `${row},review number ${row},5`)].map((line) => `${line}\n`).join('');

/** A claimed run of an upload, with what planning needs. */
export async function open(csv: string, changes: Parameters<typeof sampleRun>[0] = {}) {
  const input = new MemoryStore('input');
  const work = new MemoryStore('work');
  const versionId = input.seed(KEY, csv);
  const run = sampleRun({ source: { bucket: 'input', key: KEY, versionId, bytes: Buffer.byteLength(csv) }, ...changes });
  await claimAttempt(work, run.runId, { attempt: 1, owner: 'execution', acceptedAt: ACCEPTED_AT, settings: run.settings });
  const control = memoryControl();
  const events = new RecordingEventSink();
  const ports: PlanBatchesPorts = { input, work, resultsBucket: 'results', control, events, concurrency: 100, isTimeShort: () => false };
  const plan = (planned: Run = run, level = 0, continueWithPart: number | null = null) =>
    planBatches({ run: planned, level, continueWithPart }, ports);
  return { input, work, run, control, events, ports, plan };
}

export const frozenPlan = (work: MemoryStore) => planSchema.parse(work.json(planKey(RUN_ID)));
