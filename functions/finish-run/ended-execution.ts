import * as z from 'zod';
import { type FinishRunInput, runSchema } from '../shared/contract.ts';

/** EventBridge's "Step Functions Execution Status Change" of an execution that ended without its Catch: failed, stopped or timed out. */
const executionStatusChange = z.object({
  'detail-type': z.literal('Step Functions Execution Status Change'),
  detail: z.object({ status: z.enum(['FAILED', 'TIMED_OUT', 'ABORTED']), input: z.string() }),
});

/** The step's input from either of its callers: the workflow, or the rule on ended executions. */
export function finishInput(event: unknown): unknown {
  const parsed = executionStatusChange.safeParse(event);
  if (!parsed.success) return event;
  const { status, input } = parsed.data.detail;
  return { run: runSchema.parse(JSON.parse(input)), stopReason: null, failure: status } satisfies FinishRunInput;
}
