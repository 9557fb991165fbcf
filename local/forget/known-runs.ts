import { zstdDecompressSync } from 'node:zlib';
import { parquetReadObjects } from 'hyparquet';
import pLimit from 'p-limit';
import * as z from 'zod';
import { parseJson } from '../../functions/shared/json-lines.ts';
import { attemptKey, forgettingKey, planKey, RUNS_PREFIX, runRecordKey, tablePrefix } from '../../functions/shared/object-keys.ts';
import type { ObjectStore } from '../../functions/shared/ports.ts';
import { DATE_PARTITION } from '../../functions/shared/table-names.ts';
import type { TableRow } from '../../functions/shared/tables.ts';

const READS_IN_FLIGHT = 32;

/** What is known of a run whose words are to be found. */
export interface KnownRun {
  runId: string;
  /** null where nothing says it. */
  dataset: string | null;
  source: { key: string; versionId: string } | null;
  /** Partitions in which its tables may lie; empty where nothing says it. */
  dates: string[];
  /** Ids of the runs that are forgotten with it, as the mark of a forgetting that was cut short says. */
  dependents: string[];
}

/** What plans, claims, records and the mark of a forgetting have of it, of any version of the program. */
const traceSchema = z.looseObject({
  dataset: z.string().optional(),
  source: z.looseObject({ key: z.string(), versionId: z.string() }).nullable().optional(),
  source_key: z.string().optional(),
  source_version: z.string().optional(),
  date: z.string().optional(),
  acceptedAt: z.string().optional(),
  started_at: z.string().optional(),
  dates: z.array(z.string()).optional(),
  dependents: z.array(z.string()).optional(),
});
type Trace = z.infer<typeof traceSchema>;

const sourceOf = ({ source, source_key: key, source_version: versionId }: Trace) =>
  source ?? (key === undefined || versionId === undefined ? null : { key, versionId });

const datesOf = ({ date, acceptedAt, started_at, dates = [] }: Trace) =>
  [date, acceptedAt, started_at, ...dates].flatMap((time) => (time === undefined ? [] : [time.slice(0, 10)]));

const joined = (runId: string, traces: readonly Trace[]): KnownRun => ({
  runId,
  dataset: traces.find(({ dataset }) => dataset !== undefined)?.dataset ?? null,
  source: traces.map(sourceOf).find((source) => source !== null) ?? null,
  dates: [...new Set(traces.flatMap(datesOf))],
  dependents: traces.flatMap(({ dependents = [] }) => dependents),
});

/** Every run of which there is something in the work bucket or in the table `runs`, by its id. */
export async function knownRuns({ work, results }: { work: ObjectStore; results: ObjectStore }): Promise<Map<string, KnownRun>> {
  const limit = pLimit(READS_IN_FLIGHT);
  const rows: Promise<void>[] = [];
  const runs = new Map<string, KnownRun>();
  const prefix = `${tablePrefix('runs')}${DATE_PARTITION}=`;
  for await (const { key } of results.list(prefix)) {
    const date = key.slice(prefix.length, key.indexOf('/', prefix.length));
    const read = async () => {
      for (const row of await tableRows(results, key)) {
        const runId = String(row.run_id);
        const source = { key: String(row.source_key), versionId: String(row.source_version) };
        runs.set(runId, joined(runId, [{ dataset: String(row.dataset), source, date }]));
      }
    };
    rows.push(limit(read));
  }
  await Promise.all(rows);
  const unfinished: Promise<void>[] = [];
  for await (const folder of work.folders(RUNS_PREFIX)) {
    const runId = folder.slice(RUNS_PREFIX.length, -1);
    if (!runs.has(runId)) unfinished.push(limit(async () => void runs.set(runId, await runInWork(work, runId))));
  }
  await Promise.all(unfinished);
  return runs;
}

async function runInWork(work: ObjectStore, runId: string): Promise<KnownRun> {
  const keys = [forgettingKey(runId), planKey(runId), attemptKey(runId, 1), runRecordKey(runId)];
  const objects = await Promise.all(keys.map((key) => work.get(key)));
  return joined(
    runId,
    objects.flatMap((bytes) => (bytes ? [traceSchema.safeParse(parseJson(bytes)).data ?? {}] : [])),
  );
}

/** The rows of a file of one of the tables, as the tables define them: times in milliseconds since the epoch. */
export async function tableRows(results: ObjectStore, key: string): Promise<TableRow[]> {
  const bytes = await results.get(key);
  if (!bytes) return [];
  const file = Uint8Array.from(bytes).buffer;
  const rows: Record<string, unknown>[] = await parquetReadObjects({ file, compressors: { ZSTD: (input) => zstdDecompressSync(input) } });
  const plain = (value: unknown) => (value instanceof Date ? value.getTime() : (value ?? null));
  return rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)]))) as TableRow[];
}
