import * as z from 'zod';
import { parseJson } from './json-lines.ts';
import { refusalKey } from './object-keys.ts';
import type { ObjectStore } from './ports.ts';

/** Why an upload was refused, in words for its owner: such words travel through the work bucket, never through the workflow's history. */
const refusalSchema = z.object({
  reason: z.string(),
  /** `settings`: refused before planning, which then does not look at the file. `budget`: by a cap that another attempt may raise. */
  origin: z.enum(['settings', 'upload', 'budget']),
  /** The same reason without words. */
  code: z.string().optional(),
});
export type Refusal = z.infer<typeof refusalSchema>;

export const writeRefusal = (work: ObjectStore, runId: string, refusal: Refusal) => work.put(refusalKey(runId), JSON.stringify(refusal));

export async function readRefusal(work: ObjectStore, runId: string): Promise<Refusal | undefined> {
  const bytes = await work.get(refusalKey(runId));
  return bytes && refusalSchema.parse(parseJson(bytes));
}
