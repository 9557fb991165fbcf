import * as z from 'zod';
import { sourceSchema } from './contract.ts';
import { parseJson } from './json-lines.ts';
import { planKey } from './object-keys.ts';
import type { ObjectStore } from './ports.ts';
import type { RedactionKind } from './setting-definitions.ts';
import { settingsSchema } from './settings.ts';

const count = z.int().min(0);

/** Sums over the parts planned so far. */
export const planCountsSchema = z.object({
  parts: count,
  rowsIn: count,
  rowsStaged: count,
  rowsRejected: count,
  rowsTruncated: count,
  batches: count,
  /** Estimated input tokens of all batches of level 0; in `plan.json`, of all calls of all levels. */
  inputTokens: count,
  /** Of a grouped run: groups that are summarized, those left out, and the rows of the latter. */
  groups: count.nullable(),
  groupsSkipped: count,
  rowsSkipped: count,
  /** Rows that have no value in the group column. */
  rowsWithoutGroup: count,
  /** Batches of the group that has most of them; without grouping, all. */
  largestGroupBatches: count,
  /** What was replaced in rows and rejected records; absent where nothing was to be. */
  redacted: z.object({ email: count, phone: count, card: count, iban: count } satisfies Record<RedactionKind, typeof count>).optional(),
});
export type PlanCounts = z.infer<typeof planCountsSchema>;

/** `plan.json`: what every attempt of a run shares, frozen when level 0 is planned. */
export const planSchema = z.object({
  runId: z.string(),
  dataset: z.string(),
  source: sourceSchema,
  endpoint: z.string(),
  limit: count.nullable(),
  /** Value of the tables' date partition, YYYY-MM-DD. */
  date: z.iso.date(),
  startedAt: z.iso.datetime(),
  settings: settingsSchema,
  format: z.string(),
  textColumn: z.string(),
  idColumn: z.string().nullable(),
  notes: z.array(z.string()),
  counts: planCountsSchema,
  /** Folds of each level, from level 1 up to the root's. */
  folds: z.array(count),
  estimatedCostUsd: z.number().nullable(),
});
export type Plan = z.infer<typeof planSchema>;

export async function readPlan(work: ObjectStore, runId: string): Promise<Plan | undefined> {
  const bytes = await work.get(planKey(runId));
  return bytes && planSchema.parse(parseJson(bytes));
}
