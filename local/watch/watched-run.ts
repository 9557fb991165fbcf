import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileLayer } from '../../functions/accept-upload/accept-upload.ts';
import { newRun } from '../../functions/accept-upload/new-run.ts';
import type { Run } from '../../functions/shared/contract.ts';
import { ConfigError } from '../../functions/shared/errors.ts';
import { parseJson } from '../../functions/shared/json-lines.ts';
import { runRecordKey, settingsKeyOf } from '../../functions/shared/object-keys.ts';
import type { Clock } from '../../functions/shared/ports.ts';
import { attemptSettingNames } from '../../functions/shared/settings.ts';
import { type AttemptHome, readLatest } from '../attempt-home.ts';
import { claimNextAttempt, processHome } from '../local-attempt.ts';
import type { RunRecord } from '../local-run.ts';
import type { LocalStores } from '../local-stores.ts';
import { type CopyMeter, importUpload, type LocalUpload } from '../local-upload.ts';
import { claimRedrive, nextAttempt, requireSource } from '../redrive.ts';
import type { Accepted, AcceptedUploads } from './accepted-uploads.ts';
import type { SeenUpload } from './seen-uploads.ts';

/** After which a run that its endpoint or the disk had halted is tried again. */
export const HALT_PAUSE_MS = 15 * 60_000;

export interface WatchedFolder {
  /** The watched folder. */
  path: string;
  out: string;
  stores: LocalStores;
  endpoint: string;
  accepted: AcceptedUploads;
  /** Settings named on the command line, by their names. */
  settings: Record<string, unknown>;
  clock: Clock;
  /** The upload's signature as it is now, undefined where it is gone. */
  signatureOf(upload: SeenUpload): Promise<string | undefined>;
}

/** What is to be done about an upload. */
export type NextRun =
  /** `run` is claimed. */
  | { kind: 'run'; run: Run }
  | { kind: 'complete' }
  /** Its run ended otherwise, and another attempt is for people to start. */
  | { kind: 'ended'; runId: string; status: string; reason: string | null }
  /** Its run was halted not long ago. */
  | { kind: 'paused'; runId: string; reason: string | null; until: number }
  /** Its run was removed for good, and does not come back by itself. */
  | { kind: 'forgotten'; runId: string }
  | { kind: 'changed' };

/** The upload as the input bucket would have it, with the settings of its dataset. @throws ConfigError: they are wrong. */
function localUploadOf({ key, kind, dataset }: SeenUpload, { path, endpoint, settings }: WatchedFolder): LocalUpload {
  if (key === '') {
    throw new ConfigError(`upload: "folder" is not for ${path} itself; put the part files and _SUCCESS into a folder of it.`, {
      code: 'invalid_settings',
    });
  }
  const settingsPath = join(path, settingsKeyOf(key));
  const layers = [
    ...(existsSync(settingsPath) ? [fileLayer(settingsPath, readFileSync(settingsPath))] : []),
    { origin: 'command line', values: settings },
  ];
  const upload: LocalUpload = {
    path: join(path, key),
    kind,
    key,
    runOf: (source) => newRun({ dataset, endpoint, limit: null, source: { bucket: 'input', key, ...source } }, layers),
  };
  // Wrong settings are found before a large file is read.
  upload.runOf({ versionId: '', bytes: 0 });
  return upload;
}

/**
 * Claims the run of an upload, or the next attempt of the run that this version of it has had.
 * @throws ConfigError: settings are wrong, or somebody else works on the run. Error of the system: it cannot be read.
 */
export async function nextRun(upload: SeenUpload, folder: WatchedFolder, meter: CopyMeter): Promise<NextRun> {
  const { accepted, stores, out, clock, signatureOf } = folder;
  const home = processHome(stores.work, clock);
  const before = await accepted.find(upload.key);
  if (before?.signature === upload.signature) {
    if (await isForgotten(before, home)) return { kind: 'forgotten', runId: before.runId };
    const known = await goOn(before.runId, folder, home).catch(unlessSourceGone);
    if (known && !isRejected(known)) {
      // A process that was killed between its claim and this note left it open.
      if (!before.isStarted) await accepted.keep(upload.key, { ...before, isStarted: true });
      return known;
    }
  }
  const local = localUploadOf(upload, folder);
  const run = await importUpload(local, out, stores.work, meter);
  // What was copied while somebody wrote is no version of the file.
  if ((await signatureOf(upload)) !== upload.signature || run.settings.upload !== upload.kind) return { kind: 'changed' };
  const { versionId } = run.source;
  if (before?.versionId === versionId) {
    if (await isForgotten(before, home)) {
      await removeCopy(upload, stores);
      return { kind: 'forgotten', runId: before.runId };
    }
    const known = await goOn(before.runId, folder, home);
    if (known && !isRejected(known)) {
      await accepted.keep(upload.key, { ...before, signature: upload.signature, isStarted: true });
      return known;
    }
  }
  const acceptance = { signature: upload.signature, versionId, runId: run.runId };
  await accepted.keep(upload.key, { ...acceptance, isStarted: false });
  const next: NextRun = (await goOn(run.runId, folder, home)) ?? { kind: 'run', run: await claimNextAttempt(run, stores.work, clock) };
  await accepted.keep(upload.key, { ...acceptance, isStarted: true });
  return next;
}

const isForgotten = async ({ isStarted, runId }: Accepted, home: AttemptHome) => isStarted && (await readLatest(runId, home)) === undefined;

/** Takes the words out of the input bucket again. */
async function removeCopy({ key, kind }: SeenUpload, { input }: LocalStores): Promise<void> {
  const keys = kind === 'file' ? [key] : [];
  if (kind === 'folder') for await (const part of input.list(key)) keys.push(part.key);
  await input.delete(keys);
}

/** A run that was refused has cost nothing: other settings make another run of the same upload. */
const isRejected = (next: NextRun) => next.kind === 'ended' && next.status === 'rejected';

/** The copy in the input bucket is gone: the upload is copied again. */
function unlessSourceGone(error: unknown): undefined {
  if (!(error instanceof ConfigError && error.code === 'source_gone')) throw error;
}

/** What is to be done about a run; undefined where it has no attempt. */
async function goOn(runId: string, folder: WatchedFolder, home: AttemptHome): Promise<NextRun | undefined> {
  const { stores, settings, clock } = folder;
  const latest = await readLatest(runId, home);
  if (!latest) return undefined;
  const { closed, claim } = latest;
  if (closed?.status === 'complete') return { kind: 'complete' };
  if (closed && closed.status !== 'aborted') {
    const reason = await stopReasonOf(runId, stores);
    const hasHigherCap = Number(settings.maxCostUsd ?? 0) > Number(claim?.settings.maxCostUsd ?? 0);
    const ended: NextRun = { kind: 'ended', runId, status: closed.status, reason };
    if (closed.status !== 'halted') {
      if (!(isRejected(ended) && hasHigherCap)) return ended;
    } else if (reason?.startsWith('budget_exceeded')) {
      if (!hasHigherCap) return ended;
    } else if (reason?.startsWith('breaker')) {
      return ended;
    } else if (reason !== 'interrupted') {
      const until = Date.parse(closed.closedAt) + HALT_PAUSE_MS;
      if (clock.now() < until) return { kind: 'paused', runId, reason, until };
    }
  }
  const changes = Object.fromEntries(attemptSettingNames.filter((name) => name in settings).map((name) => [name, settings[name]]));
  try {
    const next = await nextAttempt(runId, changes, home);
    await requireSource(next.run, stores.input, stores.work);
    await claimRedrive(next.run, home);
    return { kind: 'run', run: next.run };
  } catch (error) {
    if (closed?.status !== 'rejected' || !(error instanceof ConfigError && error.code === 'run_rejected')) throw error;
    return { kind: 'ended', runId, status: closed.status, reason: error.message };
  }
}

async function stopReasonOf(runId: string, { work }: LocalStores): Promise<string | null> {
  const bytes = await work.get(runRecordKey(runId));
  const reason = bytes && (parseJson(bytes) as RunRecord).stop_reason;
  return typeof reason === 'string' ? reason : null;
}
