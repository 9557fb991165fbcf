import { readFile } from 'node:fs/promises';
import pLimit from 'p-limit';
import { parseJson } from '../../shared/json-lines.ts';
import { REPORT_SECONDS } from '../../shared/limits.ts';
import { excerptKey, reportKey } from '../../shared/object-keys.ts';
import type { ObjectStore } from '../../shared/ports.ts';
import { excerptSchema, type ReportExcerpt } from '../../shared/report-excerpt.ts';
import { reportFiles } from '../../shared/report-files.ts';
import { joinExcerpts } from './join-excerpts.ts';
import type { PageAssets } from './page-frame.ts';
import { type RunRecord, reportPage } from './report-page.ts';

export const READS_IN_FLIGHT = 16;

/** A part has no excerpt of the attempt that wrote its tables: they are of an older version, or it could not be written. */
export class ExcerptMissing extends Error {
  override readonly name = 'ExcerptMissing';
}

/**
 * Writes the report of a run under its key, over the one before.
 * @param of parts: those whose tables the run shows; isOfTables: whether the excerpts of an attempt are of those tables.
 * @throws ExcerptMissing, or whatever keeps it from being written within REPORT_SECONDS.
 */
export async function writeReport(
  record: RunRecord,
  of: { parts: readonly string[]; isOfTables: (attempt: number) => boolean },
  { work, results }: { work: ObjectStore; results: ObjectStore },
): Promise<void> {
  const runId = String(record.run_id);
  const signal = AbortSignal.timeout(REPORT_SECONDS * 1000);
  const limit = pLimit(READS_IN_FLIGHT);
  const excerpts = await Promise.all(of.parts.map((part) => limit(() => readExcerpt(runId, part, work, signal))));
  const other = excerpts.find(({ attempt }) => attempt !== excerpts[0]?.attempt || !of.isOfTables(attempt));
  if (other) throw new ExcerptMissing(`Part ${other.part} of ${runId} has no excerpt of what is shown`);
  const page = reportPage(record, joinExcerpts(excerpts), await readAssets());
  signal.throwIfAborted();
  await results.put(reportKey(runId), page, { signal, contentType: 'text/html; charset=utf-8' });
}

async function readExcerpt(runId: string, part: string, work: ObjectStore, signal: AbortSignal): Promise<ReportExcerpt> {
  const bytes = await work.get(excerptKey(runId, part), { signal });
  if (!bytes) throw new ExcerptMissing(`Part ${part} of ${runId} has no excerpt`);
  return excerptSchema.parse(parseJson(bytes));
}

/** The page's own files lie beside this module; in a bundle, beside the bundle. */
const readAsset = (name: string) => readFile(new URL(name, import.meta.url), 'utf8');

export async function readAssets(): Promise<Required<PageAssets>> {
  const [style, script] = await Promise.all([readAsset(reportFiles.style), readAsset(reportFiles.script)]);
  return { style, script };
}
