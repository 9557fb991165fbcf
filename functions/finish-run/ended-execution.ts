import * as z from 'zod';
import { type Attempt, readAttempt, runOfClaim } from '../shared/attempt.ts';
import { type FinishRunInput, type Run, runSchema } from '../shared/contract.ts';
import { parseJson } from '../shared/json-lines.ts';
import { readPlan } from '../shared/plan.ts';
import type { ObjectStore } from '../shared/ports.ts';

/**
 * EventBridge's "Step Functions Execution Status Change" of an execution that ended without its Catch: failed, stopped or timed out. An input
 * over EventBridge's size is left out. Source: Step Functions developer guide, "Automating Step Functions event delivery with EventBridge".
 */
const executionStatusChange = z.object({
  'detail-type': z.literal('Step Functions Execution Status Change'),
  detail: z.object({
    executionArn: z.string(),
    name: z.string(),
    status: z.enum(['FAILED', 'TIMED_OUT', 'ABORTED']),
    input: z.string().nullish(),
  }),
});
type EndedExecution = z.infer<typeof executionStatusChange>['detail'];

/**
 * The step's input from either of its callers: the workflow, or the rule on ended executions, whose name leads to the claim on the attempt.
 * @returns undefined where the execution owns no attempt: somebody started it by hand.
 * @throws Error: nothing says what the attempt's input was.
 */
export async function finishInput(event: unknown, work: ObjectStore): Promise<unknown> {
  const parsed = executionStatusChange.safeParse(event);
  if (!parsed.success) return event;
  const execution = parsed.data.detail;
  const [, runId, attempt] = /^(.+)-([1-9]\d*)$/.exec(execution.name) ?? [];
  const claim = runId === undefined ? undefined : await readAttempt(work, runId, Number(attempt));
  if (runId === undefined || (claim && claim.owner !== execution.executionArn)) return undefined;
  const run = (claim && runOfClaim(claim)) ?? runOfInput(execution) ?? (claim && (await runOfPlan(runId, claim, work)));
  if (!run) throw new Error(`Nothing says what the input of ${execution.name} was`);
  return { run, stopReason: null, failure: execution.status } satisfies FinishRunInput;
}

const runOfInput = ({ input }: EndedExecution): Run | undefined =>
  input == null ? undefined : runSchema.parse(parseJson(Buffer.from(input)));

async function runOfPlan(runId: string, { attempt, settings }: Attempt, work: ObjectStore): Promise<Run | undefined> {
  const plan = await readPlan(work, runId);
  return plan && runSchema.parse({ ...plan, attempt, settings });
}
