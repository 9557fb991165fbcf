import * as z from 'zod';
import { claimAttempt, executionName, readClosedAttempt, runOfClaim } from '../shared/attempt.ts';
import type { Run, Source } from '../shared/contract.ts';
import { ConfigError } from '../shared/errors.ts';
import { parseJson } from '../shared/json-lines.ts';
import { requirePrice } from '../shared/known-price.ts';
import { DIGEST_FOLDER, datasetOf, SETTINGS_FILE, SUCCESS_FILE, settingsKeyOf } from '../shared/object-keys.ts';
import type { Clock, Log, ObjectStore } from '../shared/ports.ts';
import { writeRefusal } from '../shared/refusal.ts';
import {
  defaultSettings,
  kebabCase,
  type Settings,
  type SettingsLayer,
  settingFromText,
  settingsOfEveryDigest,
} from '../shared/settings.ts';
import { newRun, runIdOf } from './new-run.ts';
import { pinFolder } from './pin-folder.ts';

/** Key of the folder that is the whole bucket. */
const ROOT_FOLDER = '/';

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
  /** What the deployment was given for all runs. @default nothing */
  deployment?: DeploymentDefaults;
}

export interface DeploymentDefaults {
  /** Settings below those of the dataset and the upload. */
  settings: Readonly<Record<string, unknown>>;
  /** Dollars that all runs of a day may cost together, null for no cap. */
  maxCostUsdPerDay: number | null;
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

/** What an object would start if its dataset says so: the run of itself, or that of the folder that it closes. */
interface Candidate {
  kind: Settings['upload'];
  source: Source;
  /** The object of the event. */
  objectKey: string;
}

const isSuccessFile = (key: string) => key === SUCCESS_FILE || key.endsWith(`/${SUCCESS_FILE}`);

function candidateOf({ bucket, object }: ObjectCreatedEvent['detail']): Candidate | undefined {
  const { key, size } = object;
  const versionId = object['version-id'] ?? 'null';
  if (startsRun(key, size)) return { kind: 'file', source: { bucket: bucket.name, key, versionId, bytes: size }, objectKey: key };
  if (!isSuccessFile(key)) return undefined;
  const folder = key.slice(0, -SUCCESS_FILE.length) || ROOT_FOLDER;
  return { kind: 'folder', source: { bucket: bucket.name, key: folder, versionId, bytes: 0, parts: 0 }, objectKey: key };
}

export interface Acceptance {
  run: Run;
  /** `exists`: it was accepted before. `processed`: its first attempt has ended, so nothing was started. */
  result: 'started' | 'exists' | 'processed';
}

/** Starts the run of an uploaded object or folder, once however often the event is delivered. @returns undefined where the object starts none. */
export async function acceptUpload({ detail }: ObjectCreatedEvent, ports: AcceptUploadPorts): Promise<Acceptance | undefined> {
  const candidate = candidateOf(detail);
  if (!candidate) return undefined;
  const settingsKey = settingsKeyOf(candidate.objectKey);
  const settingsFile = await ports.input.get(settingsKey);
  if (candidate.kind !== uploadKindIn(settingsFile)) return undefined;
  const accepted = await runOf(candidate, settingsFile && { origin: settingsKey, bytes: settingsFile }, ports);
  const run = accepted.isRefused || candidate.kind === 'file' ? accepted.run : await pinFolder(accepted.run, ports.input, ports.work);
  const name = executionName(run);
  const acceptedAt = new Date(ports.clock.now()).toISOString();
  const { claim, isNew } = await claimAttempt(ports.work, run.runId, { ...run, owner: ports.executions.arnOf(name), acceptedAt });
  if (await readClosedAttempt(ports.work, run.runId, run.attempt)) {
    ports.log.info('upload was processed before', { runId: run.runId, dataset: run.dataset });
    return { run, result: 'processed' };
  }
  const started = await ports.executions.start(name, runOfClaim(claim) ?? { ...run, settings: claim.settings });
  const result = isNew ? started : 'exists';
  ports.log.info('upload accepted', { runId: run.runId, dataset: run.dataset, result });
  return { run, result };
}

/** What one upload of the dataset is. A file with other trouble is asked, too: its trouble is one refused run then, not one for each part. */
export function uploadKindIn(settingsFile: Uint8Array | undefined): Settings['upload'] {
  if (!settingsFile) return defaultSettings.upload;
  try {
    const { upload } = z.looseObject({ upload: z.unknown() }).parse(parseJson(settingsFile));
    return upload === 'folder' ? 'folder' : 'file';
  } catch {
    return defaultSettings.upload;
  }
}

interface SettingsFile {
  origin: string;
  bytes: Uint8Array;
}

/** The run of an upload. Wrong settings make a run of their own that is refused, with their trouble as its reason. */
async function runOf(
  { kind, source, objectKey }: Candidate,
  file: SettingsFile | undefined,
  ports: AcceptUploadPorts,
): Promise<{ run: Run; isRefused: boolean }> {
  const upload = { source, dataset: datasetOf(objectKey), endpoint: ports.endpoint, limit: null };
  const metadata = (await ports.input.head(objectKey, { versionId: source.versionId }))?.metadata ?? {};
  try {
    const isDigest = source.key.startsWith(`${upload.dataset}/${DIGEST_FOLDER}/`);
    const digestLayer = { origin: 'digest', values: settingsOfEveryDigest };
    const { settings = {}, maxCostUsdPerDay = null } = ports.deployment ?? {};
    const deployment = { origin: 'the deployment', values: settings };
    const run = newRun(upload, [
      deployment,
      ...(file ? [fileLayer(file.origin, file.bytes)] : []),
      ...(isDigest ? [digestLayer] : []),
      metadataLayer(metadata),
    ]);
    requirePrice(upload.endpoint, run.settings, maxCostUsdPerDay);
    requireKind(kind, source.key, run.settings);
    return { run, isRefused: false };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const words = JSON.stringify([file ? Buffer.from(file.bytes).toString('utf8') : '', metadata]);
    const runId = runIdOf({ ...upload, explicit: words });
    await writeRefusal(ports.work, runId, { reason: error.message, origin: 'settings', code: error.code });
    return { run: { runId, attempt: 1, ...upload, settings: defaultSettings }, isRefused: true };
  }
}

/** @throws ConfigError: the object's metadata want another kind of upload, or the folder is the whole bucket. */
function requireKind(kind: Settings['upload'], key: string, settings: Settings): void {
  if (settings.upload !== kind) {
    throw new ConfigError(`object metadata: upload: only the dataset's ${SETTINGS_FILE} can say what one upload is`, {
      code: 'invalid_settings',
    });
  }
  if (key === ROOT_FOLDER) {
    throw new ConfigError(
      `${SETTINGS_FILE}: upload: "folder" is not for the root of the bucket; put the part files and ${SUCCESS_FILE} into a folder`,
      { code: 'invalid_settings' },
    );
  }
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
/** User metadata of one object, names and values together. Source: S3 user guide, "User-defined object metadata". */
const MAX_METADATA_BYTES = 2_048;

/**
 * Object metadata that say these settings; null ones are left out.
 * @throws ConfigError: they are longer than S3 takes.
 */
export function settingsMetadata(settings: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(settings)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => [`${METADATA_PREFIX}${kebabCase(name)}`, encodeURIComponent(String(value))]);
  const bytes = entries.flat().reduce((sum, text) => sum + text.length, 0);
  if (bytes > MAX_METADATA_BYTES) {
    throw new ConfigError(
      `Settings of one object may have ${MAX_METADATA_BYTES} bytes, these have ${bytes}; put the longest into the dataset's ${SETTINGS_FILE}.`,
      {
        code: 'metadata_too_long',
      },
    );
  }
  return Object.fromEntries(entries);
}

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
