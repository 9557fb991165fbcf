import { systemClock } from '../../functions/shared/clock.ts';
import { type Batch, type PlanBatchesOutput, type StepName, stepContracts } from '../../functions/shared/contract.ts';
import { jsonLines } from '../../functions/shared/json-lines.ts';
import { manifestKey, partsKey } from '../../functions/shared/object-keys.ts';
import { workflowDefinition } from '../../infra/workflow.ts';
import { directoryStore } from '../../local/directory-store.ts';
import { loadWorkflow } from '../../local/workflow/definition.ts';
import { runWorkflow } from '../../local/workflow/engine.ts';
import type { LocalFunction } from '../../local/workflow/execution.ts';
import { benchRun } from '../run-of-reviews.ts';

/**
 * Runs the deployed definition over a manifest with functions that do nothing, `engine`, or only gives each line of the manifest to such a
 * function, `loop`; so many batches a function, so many functions at once.
 */
const [what, out = '', batchesPerFunction = '1', maxConcurrency = '100'] = process.argv.slice(2);
const run = benchRun();
const work = directoryStore(out, 'work');
let batches = 0;
let children = 0;
let longestInputBytes = 0;

async function empty(payload: { batches: readonly Batch[] }) {
  batches += payload.batches.length;
  children++;
  return { waitSeconds: 0, remaining: [] };
}

async function inEngine(): Promise<void> {
  const steps = Object.keys(stepContracts) as StepName[];
  const functionNames = Object.fromEntries(steps.map((step) => [step, step])) as Record<StepName, string>;
  const workflow = loadWorkflow(workflowDefinition({ functions: functionNames, workBucket: work.bucket }));
  const planned = (changes: Partial<PlanBatchesOutput>): PlanBatchesOutput => ({
    ...{ run, next: 'summarize', level: 0, continueWithPart: null, stopReason: null },
    manifest: { bucket: work.bucket, key: manifestKey(run.runId, 0) },
    parts: { bucket: work.bucket, key: partsKey(run.runId) },
    ...{ batchesPerFunction: Number(batchesPerFunction), maxConcurrency: Number(maxConcurrency) },
    ...changes,
  });
  let plans = 0;
  const functions: Record<StepName, LocalFunction> = {
    'plan-batches': async () => planned(plans++ === 0 ? {} : { next: 'write', level: 1 }),
    'summarize-batch': (payload) => {
      // What is measured of one in a thousand is left out of what all take.
      if (children % 1_000 === 0) longestInputBytes = Math.max(longestInputBytes, Buffer.byteLength(JSON.stringify(payload)));
      return empty(payload as { batches: Batch[] });
    },
    'write-tables': async (payload) => ({ part: (payload as { part: string }).part, receiptKey: 'none' }),
    'finish-run': async () => ({ runId: run.runId, status: 'complete', stopReason: null }),
  };
  const result = await runWorkflow(workflow, run, { name: 'bench-1', functions, store: () => work, clock: systemClock });
  if (result.status !== 'SUCCEEDED') throw new Error(`The workflow ended ${result.status}: ${result.cause}`);
}

async function inLoop(): Promise<void> {
  let some: Batch[] = [];
  for await (const batch of jsonLines<Batch>(work.stream(manifestKey(run.runId, 0)))) {
    some.push(batch);
    if (some.length < Number(batchesPerFunction)) continue;
    await empty({ batches: some });
    some = [];
  }
  if (some.length > 0) await empty({ batches: some });
}

const started = performance.now();
await (what === 'engine' ? inEngine() : inLoop());
const seconds = (performance.now() - started) / 1000;
process.stdout.write(`${JSON.stringify({ seconds, batches, children, longestInputBytes })}\n`);
