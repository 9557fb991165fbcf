import * as z from 'zod';
import { claimAttempt, readClosedAttempt } from '../shared/attempt.ts';
import type { Run, Source } from '../shared/contract.ts';
import { ConfigError } from '../shared/errors.ts';
import { parseJson } from '../shared/json-lines.ts';
import { datasetOf, SETTINGS_FILE, settingsKeyOf } from '../shared/object-keys.ts';
import type { Clock, Log, ObjectStore } from '../shared/ports.ts';
import { writeRefusal } from '../shared/refusal.ts';
import { defaultSettings, type SettingsLayer, settingFromText } from '../shared/settings.ts';
import { newRun, runIdOf } from './new-run.ts';

/** What starts and names executions of the workflow. */
export interface Executions {
  /** ARN of the execution that has, or would have, this name. */
  arnOf(name: string): string;
  /** Starting what was started already, with the same input, is success. */
  start(name: string, input: Run): Promise<'started' | 'exists'>;
}

export interface AcceptUploadPorts {
  input: ObjectStore;
  work: ObjectStore;
  executions: Executions;
  clock: Clock;
  log: Log;
  endpoint: string;
}

/** EventBridge's "Object Created" event of S3. Keys in it are not URL-encoded. */
export const objectCreatedEvent = z.object({
  detail: z.object({
    bucket: z.object({ name: z.string() }),
    object: z.object({ key: z.string().min(1), size: z.int().min(0).default(0), 'version-id': z.string().optional() }),
  }),
});
export type ObjectCreatedEvent = z.infer<typeof objectCreatedEvent>;

/** Folder markers, empty objects, hidden files, settings and other files whose name begins with an underscore start nothing. */
export const startsRun = (key: string, bytes: number) => {
  const name = key.split('/').pop() ?? '';
  return bytes > 0 && name !== '' && !name.startsWith('_') && !name.startsWith('.');
};

/** Starts the run of an uploaded object, once however often the event is delivered. @returns undefined where the object starts none. */
export async function acceptUpload({ detail }: ObjectCreatedEvent, ports: AcceptUploadPorts): Promise<Run | undefined> {
  const { bucket, object } = detail;
  if (!startsRun(object.key, object.size)) return undefined;
  const source: Source = { bucket: bucket.name, key: object.key, versionId: object['version-id'] ?? 'null', bytes: object.size };
  const run = await runOf(source, ports);
  const name = `${run.runId}-${run.attempt}`;
  const acceptedAt = new Date(ports.clock.now()).toISOString();
  const { claim } = await claimAttempt(ports.work, run.runId, {
    attempt: run.attempt,
    owner: ports.executions.arnOf(name),
    acceptedAt,
    settings: run.settings,
  });
  if (await readClosedAttempt(ports.work, run.runId, run.attempt)) {
    ports.log.info('upload was processed before', { runId: run.runId });
    return run;
  }
  const result = await ports.executions.start(name, { ...run, settings: claim.settings });
  ports.log.info('upload accepted', { runId: run.runId, result });
  return run;
}

/** The run of an upload. Wrong settings make a run of their own that is refused, with their trouble as its reason. */
async function runOf(source: Source, ports: AcceptUploadPorts): Promise<Run> {
  const upload = { source, dataset: datasetOf(source.key), endpoint: ports.endpoint, limit: null };
  let words = '';
  try {
    const layers = await layersOf(source, ports.input, (text) => {
      words += text;
    });
    return newRun(upload, layers);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const runId = runIdOf({ ...upload, explicit: words });
    await writeRefusal(ports.work, runId, { reason: error.message, origin: 'settings' });
    return { runId, attempt: 1, ...upload, settings: defaultSettings };
  }
}

async function layersOf(source: Source, input: ObjectStore, note: (text: string) => void): Promise<SettingsLayer[]> {
  const key = settingsKeyOf(source.key);
  const file = await input.get(key);
  const metadata = (await input.head(source.key, { versionId: source.versionId }))?.metadata ?? {};
  note(JSON.stringify([file ? Buffer.from(file).toString('utf8') : '', metadata]));
  return [...(file ? [fileLayer(key, file)] : []), metadataLayer(metadata)];
}

/** @throws ConfigError: the file is not a JSON object. */
export function fileLayer(origin: string, bytes: Uint8Array): SettingsLayer {
  let values: unknown;
  try {
    values = parseJson(bytes);
  } catch (cause) {
    throw new ConfigError(`${origin}: not JSON: ${(cause as Error).message}`, { code: 'invalid_settings' });
  }
  const parsed = z.record(z.string(), z.unknown()).safeParse(values);
  if (!parsed.success) throw new ConfigError(`${origin}: ${SETTINGS_FILE} must hold one JSON object`, { code: 'invalid_settings' });
  return { origin, values: parsed.data };
}

const METADATA_PREFIX = 'hundredfold-';

/** Settings in object metadata: `hundredfold-text-column: Review%20Text`. Metadata of other names is somebody else's. */
function metadataLayer(metadata: Record<string, string>): SettingsLayer {
  const camelCase = (name: string) => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const entries = Object.entries(metadata)
    .filter(([name]) => name.startsWith(METADATA_PREFIX))
    .map(([name, text]) => {
      const setting = camelCase(name.slice(METADATA_PREFIX.length));
      return [setting, settingFromText(setting, decodeText(name, text))];
    });
  return { origin: 'object metadata', values: Object.fromEntries(entries) };
}

function decodeText(name: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new ConfigError(`object metadata: ${name} is not percent-encoded text`, { code: 'invalid_settings', cause });
  }
}
