import type { Run } from '../shared/contract.ts';
import { LedgerError } from '../shared/errors.ts';
import { type Plan, readPlan } from '../shared/plan.ts';
import type { ObjectStore } from '../shared/ports.ts';

/** The plan that all attempts share. @throws LedgerError: there is none, so that nobody knows what the tables should hold. */
export async function requirePlan({ runId }: Run, work: ObjectStore): Promise<Plan> {
  const plan = await readPlan(work, runId);
  if (!plan) throw new LedgerError('Tables are to be written without a plan', { code: 'plan_missing' });
  return plan;
}
