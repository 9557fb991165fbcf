import { expect } from '@jest/globals';
import { type Batch, type PlanBatchesOutput, type Run, type StepName, stepContracts } from '../../functions/shared/contract.ts';
import { MAX_BATCHES_PER_FUNCTION } from '../../functions/shared/limits.ts';
import type { Clock } from '../../functions/shared/ports.ts';
import { workflowDefinition } from '../../infra/workflow.ts';
import { loadWorkflow } from '../../local/workflow/definition.ts';
import { type RunResult, runWorkflow } from '../../local/workflow/engine.ts';
import type { LocalFunction, StateEvent } from '../../local/workflow/execution.ts';
import { FakeStore } from '../local/workflow/fake-store.ts';

const steps = Object.keys(stepContracts) as StepName[];
export const definition = workflowDefinition({
  functions: Object.fromEntries(steps.map((step) => [step, step])) as Record<StepName, string>,
  workBucket: 'work',
});
const workflow = loadWorkflow(definition);

/** An answer of plan-batches. */
export const planned = (run: Run, changes: Partial<PlanBatchesOutput>): PlanBatchesOutput => ({
  run,
  next: 'summarize',
  level: 0,
  continueWithPart: null,
  manifest: { bucket: 'work', key: 'batches.jsonl' },
  parts: { bucket: 'work', key: 'parts.jsonl' },
  batchesPerFunction: MAX_BATCHES_PER_FUNCTION,
  maxConcurrency: 100,
  stopReason: null,
  ...changes,
});

/** A line of a manifest. */
export const batch = (batchId: number, changes: Partial<Batch> = {}): Batch => ({
  batchId,
  level: 0,
  groupKey: null,
  parent: null,
  partKey: 'runs/a/level-0/parts/000000.jsonl',
  start: 0,
  end: 100,
  firstRow: 100 * batchId,
  rows: 100,
  tokensEstimate: 1_000,
  ...changes,
});

const DAY_SECONDS = 86_400;
/** Waits and pauses are over at once; the time limit of the whole execution never comes. */
const clock: Clock = {
  now: () => 0,
  sleep: (seconds, signal) =>
    seconds < DAY_SECONDS ? Promise.resolve() : new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
};

export type Behaviour = Partial<Record<StepName, (payload: never, call: number) => unknown>>;

/** Runs the deployed definition on steps that do what they are told and break the execution when their input is not what their contract says. */
export async function execute(
  run: Run,
  behaviour: Behaviour,
  objects: ConstructorParameters<typeof FakeStore>[0],
  { keepsPayloads = true }: { keepsPayloads?: boolean } = {},
) {
  const calls: Record<StepName, unknown[]> = { 'plan-batches': [], 'summarize-batch': [], 'write-tables': [], 'finish-run': [] };
  const broken: unknown[] = [];
  const states: StateEvent[] = [];
  const functions = Object.fromEntries(
    steps.map((step): [string, LocalFunction] => [
      step,
      async (payload) => {
        const parsed = stepContracts[step].input.safeParse(payload);
        if (!parsed.success) broken.push({ step, issues: parsed.error.issues });
        calls[step].push(keepsPayloads ? payload : null);
        const result = behaviour[step]?.(payload as never, calls[step].length - 1);
        if (result instanceof Error) throw result;
        return stepContracts[step].output.parse(result);
      },
    ]),
  );
  const store = new FakeStore(objects, { chunkBytes: 64 * 1024 });
  const result: RunResult = await runWorkflow(workflow, run, {
    name: 'run-1',
    functions,
    store: () => store,
    clock,
    onState: (event) => keepsPayloads && states.push(event),
  });
  expect(broken).toEqual([]);
  return { result, calls, states };
}
