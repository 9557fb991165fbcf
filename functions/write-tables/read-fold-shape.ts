import type { Run } from '../shared/contract.ts';
import { type FoldShape, foldShapeOfPlan } from '../shared/fold.ts';
import type { ObjectStore } from '../shared/ports.ts';
import { requirePlan } from './require-plan.ts';

/** The shape of the run's roll-up, as its plan has it. @throws LedgerError: there is no plan, so that no batch would have a parent. */
export const readFoldShape = async (run: Run, work: ObjectStore): Promise<FoldShape> => foldShapeOfPlan(await requirePlan(run, work));
