import { batchSchema } from '../functions/shared/contract.ts';
import { lines } from '../functions/shared/json-lines.ts';
import { manifestKey } from '../functions/shared/object-keys.ts';
import { readOutcome } from '../functions/shared/outcome.ts';
import type { ObjectStore } from '../functions/shared/ports.ts';
import { readRows } from '../functions/summarize-batch/batch-lines.ts';
import { clipped } from './terminal-text.ts';

const SHOWN_ROWS = 5;
const SHOWN_PLACES = 76;

/** The first rows of a run whose rows have summaries of their own: id and text, and beneath it the summary, or why there is none. */
export async function rowSummaryLines(runId: string, work: ObjectStore): Promise<string[]> {
  const batch = await firstBatch(runId, work);
  if (!batch) return [];
  const rows = await readRows(batch, work);
  const outcome = await readOutcome(work, runId, 0, batch.batchId);
  const summaries = new Map(outcome?.rowSummaries?.map(({ rowNumber, summary }) => [rowNumber, summary]));
  const codes = new Map(outcome?.failedRows.map(({ rowNumber, code }) => [rowNumber, code]));
  return rows.slice(0, SHOWN_ROWS).flatMap(({ rowNumber, id, text }) => {
    const reason = codes.get(rowNumber) ?? outcome?.error?.code ?? 'not asked yet';
    return [`  ${clipped(`${id}: ${text}`, SHOWN_PLACES)}`, `    -> ${clipped(summaries.get(rowNumber) ?? `failed (${reason})`, 1_000)}`];
  });
}

async function firstBatch(runId: string, work: ObjectStore) {
  for await (const [line] of lines(work.stream(manifestKey(runId, 0))))
    return line === undefined ? undefined : batchSchema.parse(JSON.parse(line));
  return undefined;
}
