import { readParts } from '../../functions/shared/folder-parts.ts';
import { parseJson } from '../../functions/shared/json-lines.ts';
import { DIGEST_FOLDER } from '../../functions/shared/object-keys.ts';
import type { RunPlace } from '../run-place.ts';
import type { KnownRun } from './known-runs.ts';

/** The digests that folded the summary of a run, or whose forgetting with it was cut short: the versions of their uploads, and the runs that read them. */
export async function digestsOf(
  run: KnownRun,
  runs: ReadonlyMap<string, KnownRun>,
  { input, versions, home, stack }: RunPlace,
): Promise<{ uploads: { key: string; versionId: string }[]; runs: KnownRun[] }> {
  const uploads: { key: string; versionId: string }[] = [];
  for await (const { key, versionId, isDeletion } of versions.input.list(`${run.dataset}/${DIGEST_FOLDER}/`)) {
    if (isDeletion) continue;
    // A file of this machine has one version; whether its record still fits its time does not matter here.
    const bytes = await input.get(key, stack && { versionId });
    if (hasRoot(bytes, run.runId)) uploads.push({ key, versionId });
  }
  const readers: KnownRun[] = [];
  for (const other of runs.values()) {
    const { source } = other;
    if (!source || other.dataset !== run.dataset) continue;
    const parts = source.key.endsWith('/') ? await readParts(home.work, other.runId) : undefined;
    const objects = parts?.map((part) => ({ ...part, key: source.key + part.key })) ?? [source];
    const reads = objects.some((object) => uploads.some(({ key, versionId }) => key === object.key && versionId === object.versionId));
    if (reads || run.dependents.includes(other.runId)) readers.push(other);
  }
  return { uploads, runs: readers };
}

/** Whether a line of a digest's upload is the root of the run. */
function hasRoot(bytes: Uint8Array | undefined, runId: string): boolean {
  const lines = Buffer.from(bytes ?? [])
    .toString('utf8')
    .split('\n');
  return lines.some((line) => line.includes(runId) && (parseJson(Buffer.from(line)) as { run_id?: unknown } | null)?.run_id === runId);
}
