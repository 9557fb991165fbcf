import type { Run } from '../shared/contract.ts';
import { LedgerError } from '../shared/errors.ts';
import { type FoldShape, foldShapeOfPlan } from '../shared/fold.ts';
import { readPlan } from '../shared/plan.ts';
import type { ObjectStore } from '../shared/ports.ts';

/** The shape of the run's roll-up, as its plan has it. @throws LedgerError: there is no plan, so that no batch would have a parent. */
export async function readFoldShape({ runId }: Run, work: ObjectStore): Promise<FoldShape> {
  const plan = await readPlan(work, runId);
  if (!plan) throw new LedgerError('Tables are to be written without a plan', { code: 'plan_missing' });
  return foldShapeOfPlan(plan);
}
